# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mattersync_global_optspecs
    string join \n config= h/help V/version
end

function __fish_mattersync_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mattersync_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mattersync_using_subcommand
    set -l cmd (__fish_mattersync_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mattersync -n "__fish_mattersync_needs_command" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_needs_command" -s V -l version -d 'Print version'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "check" -d 'Check whether everything is as it should be; changes nothing'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "plan" -d 'Show what would be done, and why; changes nothing'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "approve" -d 'List what is held, or release it'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "sync" -d 'Do one cycle now: read both sides, plan, and carry the plan out'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "run" -d 'Run as the service: one cycle after the other, until told to end'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "status" -d 'Show the status of the service'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "deactivate" -d 'Deactivate one person now; needs no approval'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "explain" -d 'Show everything about one person; changes nothing'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "conflicts" -d 'List the conflicts of the present plan, with both parties and what to type'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "link" -d 'Say that an account and a user are one person'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "unlink" -d 'Say that an account and the user whom it is linked to are not one person'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "orphans" -d 'List active human users without an account in the directory'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "history" -d 'List what was done, one line a run, or show one run step by step'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "undo" -d 'Take back what a run did, or let the directory decide again'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "forget" -d 'Erase everything that is remembered and recorded of one person'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "state" -d 'Compare the state file with Mattermost, or put its last copy back'
complete -c mattersync -n "__fish_mattersync_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mattersync -n "__fish_mattersync_using_subcommand check" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand check" -l print -d 'Only print the configuration of the file, with all defaults, as TOML; of secrets only where they are'
complete -c mattersync -n "__fish_mattersync_using_subcommand check" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -l out -d 'Save the plan, for `mattersync sync --plan`; nobody else may read the file' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -l edited -d 'Plan with the configuration file as it is now, although the service works with what it read before'
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -l all -d 'Everything, also in long lists'
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand approve" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand approve" -l new-password -d 'Also give the adopted user a random password, and end their sessions'
complete -c mattersync -n "__fish_mattersync_using_subcommand approve" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand approve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand sync" -l plan -d 'Carry out this saved plan, exactly or not at all' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand sync" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand sync" -l all -d 'Everything, also in long lists'
complete -c mattersync -n "__fish_mattersync_using_subcommand sync" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand run" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand status" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand status" -l fresh -d 'Read both sides anew, instead of telling what the service read last'
complete -c mattersync -n "__fish_mattersync_using_subcommand status" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand deactivate" -l yes -d 'Do it; with =CODE only if both are still as they were shown' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand deactivate" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand deactivate" -l admin -d 'Also a system administrator without an account in the directory'
complete -c mattersync -n "__fish_mattersync_using_subcommand deactivate" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand deactivate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand explain" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand explain" -l fresh -d 'Read both sides anew, instead of telling what the service read last'
complete -c mattersync -n "__fish_mattersync_using_subcommand explain" -l all -d 'Everything, also in long lists'
complete -c mattersync -n "__fish_mattersync_using_subcommand explain" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand conflicts" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand conflicts" -l fresh -d 'Read both sides anew, instead of telling what the service read last'
complete -c mattersync -n "__fish_mattersync_using_subcommand conflicts" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand conflicts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -l yes -d 'Do it; with =CODE only if both are still as they were shown' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -l admin -d 'Also if the user is a system administrator'
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -l guest -d 'Also if the user is a guest'
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand link" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand unlink" -l yes -d 'Do it; with =CODE only if both are still as they were shown' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand unlink" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand unlink" -l as-new -d 'Then treat the account as one that was never seen: it is created, or adopted after approval'
complete -c mattersync -n "__fish_mattersync_using_subcommand unlink" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand unlink" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l keep -d 'Record that this user was looked at and is to stay, and is no longer listed' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l unkeep -d 'Take that record back' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l fresh -d 'Read both sides anew, instead of telling what the service read last'
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l all -d 'Everything, also in long lists'
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand orphans" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -l last -d 'At most so many, the newest; by default 20, with --json all' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -l since -d 'Those that began then or later: yesterday, 2026-11-22, "2026-11-22 14:00", RFC 3339, or how long ago, such as "3 days" or 2h' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -l person -d 'Those with a step about this person, and only these steps: username, address, DN or id' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -l person -d 'Only what was done to this person: username, address, DN or id' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -l redo -d 'Let the directory decide again about all that was taken back of this person, and about whom somebody had deactivated' -r
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -l yes -d 'Do it; without this it is shown'
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand forget" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand forget" -l yes -d 'Do it; without this it is shown what would be erased'
complete -c mattersync -n "__fish_mattersync_using_subcommand forget" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and not __fish_seen_subcommand_from check restore help" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and not __fish_seen_subcommand_from check restore help" -s h -l help -d 'Print help'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and not __fish_seen_subcommand_from check restore help" -f -a "check" -d 'Compare the state file with Mattermost; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and not __fish_seen_subcommand_from check restore help" -f -a "restore" -d 'Put the last copy in the place of the state file'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and not __fish_seen_subcommand_from check restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from check" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from check" -l json -d 'As JSON, for programs'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from restore" -l config -d 'The configuration' -r -F
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from restore" -l yes -d 'Do it'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "check" -d 'Compare the state file with Mattermost; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put the last copy in the place of the state file'
complete -c mattersync -n "__fish_mattersync_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "check" -d 'Check whether everything is as it should be; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "plan" -d 'Show what would be done, and why; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "approve" -d 'List what is held, or release it'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "sync" -d 'Do one cycle now: read both sides, plan, and carry the plan out'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "run" -d 'Run as the service: one cycle after the other, until told to end'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "status" -d 'Show the status of the service'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "deactivate" -d 'Deactivate one person now; needs no approval'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "explain" -d 'Show everything about one person; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "conflicts" -d 'List the conflicts of the present plan, with both parties and what to type'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "link" -d 'Say that an account and a user are one person'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "unlink" -d 'Say that an account and the user whom it is linked to are not one person'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "orphans" -d 'List active human users without an account in the directory'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "history" -d 'List what was done, one line a run, or show one run step by step'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "undo" -d 'Take back what a run did, or let the directory decide again'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "forget" -d 'Erase everything that is remembered and recorded of one person'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "state" -d 'Compare the state file with Mattermost, or put its last copy back'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and not __fish_seen_subcommand_from check plan approve sync run status deactivate explain conflicts link unlink orphans history undo forget state help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "check" -d 'Compare the state file with Mattermost; changes nothing'
complete -c mattersync -n "__fish_mattersync_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "restore" -d 'Put the last copy in the place of the state file'
