//! Histories made at random.

use crate::dice::Dice;
use crate::events::{Event, Fault, Forgery, History, Likeness, Limits, Refusal, Round, Setting};
use crate::ports::{Failure, Lie, List, Moment, Part, Trouble};
use crate::world::{Flaw, Lock, UNITS};

impl History {
    /// The history of a seed, always the same.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setting = setting(&mut dice);
        let mut maker = Maker {
            next: setting.people,
            fault: Fault::None,
            lasts: 0,
            wave: 0,
            anchors: setting.anchors,
            dates: setting.dates,
            purge: setting.purge,
            socket: setting.socket,
            war: None,
            late: false,
            dice,
        };
        let length = maker.dice.between(10, 16);
        let rounds = (0..length).map(|n| maker.round(n)).collect();
        Self {
            seed,
            setting,
            rounds,
        }
    }
}

fn setting(dice: &mut Dice) -> Setting {
    let adopt = [
        "username-and-email",
        "username-and-email",
        "username",
        "email",
        "never",
    ];
    let people = dice.between(12, 25);
    Setting {
        new_server: dice.percent(60),
        socket: dice.percent(20),
        verifies: dice.percent(30),
        adopt: dice.pick::<&'static str>(&adopt),
        grace_hours: *dice.pick(&[24, 24, 24, 10, 0]),
        protect: dice.percent(30),
        seats: dice
            .percent(25)
            .then(|| u32::try_from(dice.below(5)).unwrap()),
        room: *dice.pick(&[1000, 1000, 1000, 1000, 30]),
        fallback: dice.percent(30),
        lock: *dice.pick(&[Lock::NsAccountLock, Lock::NsAccountLock, Lock::Ppolicy]),
        page: *dice.pick(&[500, 500, 10]),
        people: u32::try_from(people).unwrap(),
        concurrency: u32::try_from(dice.between(1, 4)).unwrap(),
        limits: *dice.pick(&[
            Limits::Auto,
            Limits::Auto,
            Limits::Auto,
            Limits::Numbers,
            Limits::Percent,
            Limits::Off,
        ]),
        enforce: dice.percent(25),
        bot: dice.percent(35),
        anchors: dice.percent(40),
        dates: dice.percent(30),
        purge: dice.percent(65),
    }
}

struct Maker {
    dice: Dice,
    /// The number of the next new account.
    next: u32,
    fault: Fault,
    /// For how many more rounds the fault stays.
    lasts: u64,
    /// In so many more rounds people are locked, a few each time.
    wave: u32,
    anchors: bool,
    dates: bool,
    purge: bool,
    socket: bool,
    /// Who takes another name, or address, for so many more rounds.
    war: Option<(u32, u64, bool)>,
    /// Something may still be under way from the last round.
    late: bool,
}

impl Maker {
    fn round(&mut self, n: u64) -> Round {
        let events = if n == 0 { 0 } else { self.dice.below(5) };
        let mut events: Vec<Event> = (0..events).flat_map(|_| self.event()).collect();
        if n % 4 == 3 {
            events.push(Event::ClickMails);
        }
        if n > 0 && self.dice.percent(12) {
            events.push(Event::ApproveAll);
        }
        if n > 0 && self.wave == 0 && self.dice.percent(2) {
            self.wave = 5;
        }
        let in_wave = self.wave > 0;
        if in_wave {
            self.wave -= 1;
            let first = self.who();
            events.extend([Event::Lock(first), Event::Lock(first + 1)]);
        }
        if n > 0 {
            events.extend(self.war());
            events.extend(self.day());
        }
        if self.lasts > 0 {
            self.lasts -= 1;
        } else {
            self.fault = Fault::None;
            if n > 0 && self.dice.percent(22) {
                self.fault = self.fault();
                self.lasts = *self.dice.pick(&[0, 0, 1, 2, 4]);
            }
        }
        let late = std::mem::take(&mut self.late);
        Round {
            events,
            fault: self.fault.clone(),
            trouble: if self.dice.percent(if late { 60 } else { 30 }) {
                self.trouble(late)
            } else {
                Trouble::default()
            },
            lie: if n > 0 && self.dice.percent(14) {
                self.lie()
            } else {
                Lie::None
            },
            minutes: match in_wave {
                true => 60,
                false if self.purge && self.dice.percent(30) => 45_000,
                false => *self.dice.pick(&[5, 5, 60, 540, 780, 1560]),
            },
        }
    }

    /// Somebody renames themselves again, whatever was done about it.
    fn war(&mut self) -> Option<Event> {
        if self.war.is_none() && self.dice.percent(2) {
            self.war = Some((self.who(), self.dice.between(3, 8), self.dice.percent(40)));
        }
        let (who, rounds, mail) = self.war?;
        self.war = (rounds > 1).then_some((who, rounds - 1, mail));
        let fresh = self.fresh();
        Some(match mail {
            true => Event::MailWar(who, fresh),
            false => Event::NameWar(who, fresh),
        })
    }

    /// What only happens where accounts expire, or people have a second anchor.
    fn day(&mut self) -> Option<Event> {
        if self.anchors && self.dice.percent(3) {
            let first = self.next;
            self.next *= 2;
            return Some(Event::NewIds(first));
        }
        if !self.dates || self.dice.percent(70) {
            return None;
        }
        let who = self.who();
        Some(match self.dice.below(4) {
            0 => Event::Prolonged(who),
            _ => Event::Expires(who, *self.dice.pick(&[-1, 0, 1, 2, 2, 3, 5])),
        })
    }

    fn who(&mut self) -> u32 {
        u32::try_from(self.dice.below(u64::from(self.next))).unwrap()
    }

    fn newcomer(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// A number for a name or address that nobody had from the start.
    fn fresh(&mut self) -> u32 {
        200 + u32::try_from(self.dice.below(600)).unwrap()
    }

    fn event(&mut self) -> Vec<Event> {
        use Event as E;
        let (a, b, c) = (self.who(), self.who(), self.who());
        let fresh = self.fresh();
        let event = match self.dice.below(161) {
            0..5 => E::Join(self.newcomer()),
            6..10 => E::JoinAs(self.newcomer(), a, self.dice.percent(50)),
            10..11 => {
                let first = self.newcomer();
                self.next += 24;
                E::Crowd(first, 25)
            }
            11..16 => E::Leave(a),
            16..21 => E::Return(a),
            21..24 => E::Recreate(a, self.newcomer()),
            24..28 => E::Rename(a, fresh),
            28..30 => E::CaseOfName(a),
            30..33 => E::SwapNames(a, b),
            33..35 => E::RingOfNames(a, b, c),
            35..37 => E::SameName(a, b),
            37..40 => E::Move(
                a,
                usize::try_from(self.dice.below(UNITS.len() as u64)).unwrap(),
            ),
            40..42 => E::MoveOut(a),
            42..44 => E::MoveBack(a),
            46..50 => E::Lock(a),
            50..54 => E::Unlock(a),
            54..57 => E::NewMail(a, fresh),
            57..59 => E::SwapMails(a, b),
            59..61 => E::ShareMail(a, b),
            61..63 => E::LoseMail(a),
            63..65 => E::CaseOfMail(a),
            65..67 => E::TwoMails(a, fresh),
            67..70 => E::NewNames(a),
            70..72 => E::LoseTitle(a),
            72..75 => {
                let flaws = [Flaw::NoId, Flaw::IdOf(b), Flaw::NoName, Flaw::BadMail];
                E::Spoil(a, *self.dice.pick(&flaws))
            }
            75..77 => E::Mend(a),
            77..78 => E::ReplaceDirectory,
            78..80 => E::AdminDeactivates(a),
            80..81 => E::AdminDeactivatesAgain(a),
            81..84 => E::AdminReactivates(a),
            84..85 => E::AdminRenames(a, fresh),
            85..86 => E::AdminChangesMail(a, fresh),
            86..88 => E::AdminPromotes(a),
            88..89 => E::ChiefLeaves,
            89..94 => {
                let like = Likeness::ALL;
                E::Stranger(*self.dice.pick(&[a, self.next]), *self.dice.pick(&like))
            }
            94..96 => E::RemovedFromTeam(a),
            96..98 => E::OwnName(a, if self.dice.percent(50) { b } else { fresh }),
            98..100 => E::OwnMail(
                a,
                if self.dice.percent(50) {
                    self.next
                } else {
                    fresh
                },
            ),
            100..102 => E::ClickMails,
            102..104 => E::ApproveOne(a),
            104..107 => E::Order(a),
            107..109 => E::WallJump(*self.dice.pick(&[-400, -30, -3, 3, 30, 400])),
            109..111 => E::Reboot,
            111..112 => E::Restart,
            112..114 => E::KeepCopy,
            114..115 => E::RestoreCopy(a % 2 == 0),
            115..116 => E::LoseState(a % 2 == 0),
            116..118 => E::AdminDemotes(a),
            118..122 => {
                let how = [
                    Forgery::Stranger,
                    Forgery::Stranger,
                    Forgery::Other,
                    Forgery::Copied,
                    Forgery::Erased,
                ];
                E::ForgesMark(*self.dice.pick(&[a, self.next]), *self.dice.pick(&how))
            }
            122..123 => E::LargeProps(a, self.dice.percent(40)),
            123..124 => E::OwnsBot(a),
            124..126 => E::OwnsOurBot(a),
            126..127 => {
                let what = [Refusal::Values, Refusal::Everything];
                let many = *self.dice.pick(&[1, 1, 3, 8]);
                E::RefusedForEver(a, many, *self.dice.pick(&what))
            }
            127..128 => E::TeamRenamed(fresh),
            128..129 => E::TeamArchived,
            44 | 129..136 => E::TeamBack,
            45 => E::OtherIdAttribute,
            // What takes something else before it.
            136..140 => E::RestoreCopy(a % 2 == 0),
            140..146 => E::MoveBack(a),
            146..150 => E::Mend(a),
            150..151 => E::AdminDeactivatesAgain(a),
            151..154 => E::OwnsOurBot(a),
            5 | 154..159 => E::AdminDemotes(a),
            159..160 => E::ApproveOne(a),
            _ => E::AdminChangesMail(a, fresh),
        };
        // Some things make a story only together.
        match (&event, self.dice.below(3)) {
            (E::Lock(n), 0) => vec![event.clone(), E::Lock(n + 1), E::Lock(n + 2)],
            (E::Leave(n), 0) => vec![event.clone(), E::Leave(n + 1), E::Leave(n + 2)],
            (E::AdminDeactivatesAgain(n), 0 | 1) => vec![event.clone(), E::Unlock(*n)],
            (E::NewMail(n, _), 0 | 1) => vec![event.clone(), E::NewNames(*n)],
            (E::LargeProps(n, false), _) => {
                let others = (1..6).map(|more| E::LargeProps(n + more, false));
                [event.clone()].into_iter().chain(others).collect()
            }
            (E::Recreate(..), 0) => vec![event.clone(), E::KeepCopy],
            (E::RefusedForEver(n, many, _), 0 | 1) => {
                let others = (*n..n + many).map(E::NewNames);
                [event.clone()].into_iter().chain(others).collect()
            }
            (E::RefusedForEver(_, _, what), _) => {
                let first = self.newcomer();
                self.next += 24;
                vec![E::RefusedForEver(first, 8, *what), E::Crowd(first, 25)]
            }
            (E::OwnsOurBot(n), 0 | 1) => vec![event.clone(), E::Lock(*n)],
            // Several take other names at once, and the directory gives somebody one, too.
            (E::OwnName(n, to), 0 | 1) => {
                let others = (1..5).map(|more| E::OwnName(n + more, to + more));
                let given = [E::Rename(n + 5, 200 + (to + 5) % 600), event.clone()];
                given.into_iter().chain(others).collect()
            }
            _ => vec![event],
        }
    }

    fn fault(&mut self) -> Fault {
        let entries = usize::try_from(self.dice.below(u64::from(self.next))).unwrap();
        let unit = usize::try_from(self.dice.below(UNITS.len() as u64)).unwrap();
        let attributes = [
            "mail",
            "title",
            "givenName",
            "nsAccountLock",
            "pwdAccountLockedTime",
        ];
        let attribute = *self.dice.pick(&attributes);
        match self.dice.below(21) {
            20 => Fault::LargeEntry(self.who()),
            0..2 => Fault::Reordered(self.dice.roll()),
            2..4 => Fault::Cut(entries),
            4 => Fault::CutInside(entries),
            5..8 => Fault::Ends(entries, *self.dice.pick(&[3, 4, 11, 51])),
            8..10 => Fault::Emptied,
            10 => Fault::NoBase,
            11 => Fault::Reference,
            12 => Fault::LookupsFail,
            13 => Fault::Refused(*self.dice.pick(&[49, 51])),
            14..16 => Fault::HideUnit(unit),
            16 => Fault::HideAttribute(attribute),
            17 => Fault::HideAttributeIn(unit, attribute),
            _ => {
                let one_in = *self.dice.pick(&[2, 5, 9, 14]);
                Fault::Replica(self.who() % one_in, one_in)
            }
        }
    }

    fn lie(&mut self) -> Lie {
        let status = *self
            .dice
            .pick(&[200, 200, 401, 403, 404, 404, 500, 502, 503]);
        // Nothing stands between the socket and the server; behind the server there may be a replica.
        let most = if self.socket { 3 } else { 8 };
        match self.dice.below(most) {
            0..3 => Lie::Stale(u32::try_from(self.dice.below(3)).unwrap()),
            3..5 => {
                let rows = usize::try_from(self.dice.below(u64::from(self.next))).unwrap();
                Lie::Short(
                    *self.dice.pick(&[List::Users, List::Users, List::Members]),
                    rows,
                )
            }
            5 => Lie::Repeats,
            _ => {
                let parts = [
                    Part::List(List::Users),
                    Part::List(List::Members),
                    Part::Team,
                    Part::Writes,
                    Part::Writes,
                ];
                Lie::Foreign(status, *self.dice.pick(&parts))
            }
        }
    }

    fn trouble(&mut self, late: bool) -> Trouble {
        let moment = *self.dice.pick(&[Moment::Before, Moment::After]);
        let small = |dice: &mut Dice| u32::try_from(dice.between(1, 6)).unwrap();
        let mut trouble = Trouble::default();
        // What is still under way meets a second attempt that fails.
        if late {
            let failures = [
                Failure::Refused(403),
                Failure::TooMany,
                Failure::NotConnected,
            ];
            trouble.write = Some((small(&mut self.dice), 1000, *self.dice.pick(&failures)));
            return trouble;
        }
        match self.dice.below(11) {
            0..4 => {
                let most = *self.dice.pick(&[12, 30, 60, 120]);
                let call = u32::try_from(self.dice.between(1, most)).unwrap();
                let moments = [Moment::Before, Moment::After, Moment::Later];
                trouble.kill = Some((call, *self.dice.pick(&moments)));
                self.late = matches!(trouble.kill, Some((_, Moment::Later)));
            }
            4..7 => {
                let failures = [
                    Failure::Refused(400),
                    Failure::Refused(403),
                    Failure::TooMany,
                    Failure::Cut(moment),
                    Failure::Timeout(moment),
                    Failure::Timeout(Moment::Later),
                    Failure::Broken500(moment),
                    Failure::NotConnected,
                ];
                let times = *self.dice.pick(&[1, 1, 2, 1000]);
                let failure = *self.dice.pick(&failures);
                trouble.write = Some((small(&mut self.dice), times, failure));
                self.late = failure == Failure::Timeout(Moment::Later);
            }
            7..8 => {
                let failures = [
                    Failure::Broken500(Moment::Before),
                    Failure::Timeout(Moment::Before),
                    Failure::NotConnected,
                ];
                let times = *self.dice.pick(&[1, 2, 1000]);
                let failure = *self.dice.pick(&failures);
                trouble.read = Some((small(&mut self.dice), times, failure));
            }
            8 => trouble.disk = Some((small(&mut self.dice) * 2, moment)),
            _ => trouble.stop = Some(small(&mut self.dice)),
        }
        trouble
    }
}
