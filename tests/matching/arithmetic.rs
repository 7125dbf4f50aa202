//! The arithmetic of matching, over many random gifts and pots.

use wellwisher::matching::allocate::{Room, allocate, matched, shrink};

/// Chance that a test can repeat (Numerical Recipes' generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn room(ratio_bp: i64, left: i64, match_max: Option<i64>) -> Room {
    Room { pot: uuid::Uuid::from_u128(u128::from(u64::try_from(ratio_bp).unwrap())).into(), ratio_bp, left, match_max }
}

#[test]
fn a_gift_is_doubled_up_to_what_is_left() {
    let minor = |base, rooms: &[Room]| allocate(base, rooms).iter().map(|part| part.minor).collect::<Vec<_>>();
    assert_eq!(minor(5_000, &[room(10_000, 10_000, None)]), [5_000]);
    assert_eq!(minor(5_000, &[room(10_000, 2_000, None)]), [2_000], "a pot that runs low gives what it has");
    assert_eq!(minor(5_000, &[room(10_000, 0, None)]), [0; 0]);
    assert_eq!(minor(5_000, &[room(5_000, 10_000, None)]), [2_500], "half of it");
    assert_eq!(minor(5_000, &[room(10_000, 10_000, Some(1_500))]), [1_500], "at most so much to one gift");
    assert_eq!(minor(5_000, &[room(10_000, 2_000, None), room(5_000, 10_000, None)]), [2_000, 1_500], "the next pot adds to the rest");
    assert_eq!(minor(1, &[room(3_333, 10, None)]), [0; 0], "a third of a cent is nothing");
    assert_eq!(minor(i64::MAX, &[room(100_000, i64::MAX, None)]), [i64::MAX], "nothing overflows");
    assert_eq!(minor(-5, &[room(10_000, 10, None)]), [0; 0]);
}

#[test]
fn no_pot_gives_more_than_it_has_and_no_part_of_a_gift_is_added_to_twice() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let base = 1 + dice.roll(1_000_000);
        let rooms: Vec<Room> = (0..1 + dice.roll(4))
            .map(|_| {
                let most = (dice.roll(3) == 0).then(|| 1 + dice.roll(100_000));
                room(1 + dice.roll(30_000), dice.roll(1_000_000), most)
            })
            .collect();
        let parts = allocate(base, &rooms);
        assert!(parts.iter().map(|part| part.base).sum::<i64>() <= base, "{base} {rooms:?} {parts:?}");
        for part in &parts {
            assert!(part.base > 0 && part.minor > 0 && part.minor <= matched(part.base, part.ratio_bp), "{part:?}");
        }
        // What is left of a gift later never has more than its ratio, and all of it has what was promised.
        let mut worth = dice.roll(base + 1);
        let (mut whole, mut less) = (base, 0);
        for part in &parts {
            let (now, rest) = shrink(worth, part);
            assert!(now <= part.minor && now <= matched(worth, part.ratio_bp));
            worth = rest;
            less += now;
            let (again, rest) = shrink(whole, part);
            assert_eq!(again, part.minor, "a whole gift keeps what was promised: {base} {rooms:?}");
            whole = rest;
        }
        assert!(less <= parts.iter().map(|part| part.minor).sum());
    }
}
