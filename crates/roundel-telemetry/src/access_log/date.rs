//! Wall-clock time as text, computed once a second.
//!
//! Thousands of lines share a second; only their milliseconds differ. Both spellings are therefore
//! kept ready and a line copies them.

/// Texts of the second last asked for.
#[derive(Debug)]
pub(super) struct TimeText {
    unix_second: u64,
    /// `2026-11-21T04:01:24`, without fraction and zone.
    rfc3339: [u8; 19],
    /// `21/Nov/2026:04:01:24 +0000`, as in NCSA logs.
    ncsa: [u8; 26],
}

impl TimeText {
    /// Ready for the first second of 1970.
    pub(super) fn new() -> Self {
        let mut text = Self { unix_second: 0, rfc3339: [0; 19], ncsa: [0; 26] };
        text.compute(0);
        text
    }

    /// Appends RFC 3339 (§5.6) in UTC with milliseconds: `2026-11-21T04:01:24.123Z`.
    pub(super) fn push_rfc3339(&mut self, out: &mut Vec<u8>, unix_us: u64) {
        self.turn_to(unix_us / 1_000_000);
        out.extend_from_slice(&self.rfc3339);
        let mut fraction = *b".000Z";
        put_digits(&mut fraction[1..4], unix_us / 1_000 % 1_000);
        out.extend_from_slice(&fraction);
    }

    /// Appends `21/Nov/2026:04:01:24 +0000`.
    pub(super) fn push_ncsa(&mut self, out: &mut Vec<u8>, unix_us: u64) {
        self.turn_to(unix_us / 1_000_000);
        out.extend_from_slice(&self.ncsa);
    }

    fn turn_to(&mut self, unix_second: u64) {
        if unix_second != self.unix_second {
            self.compute(unix_second);
        }
    }

    fn compute(&mut self, unix_second: u64) {
        const MONTHS: [&[u8; 3]; 12] = [
            b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
            b"Dec",
        ];
        self.unix_second = unix_second;
        let (year, month, day) = civil_date(unix_second / 86_400);
        let [hour, minute, second] =
            [unix_second / 3_600 % 24, unix_second / 60 % 60, unix_second % 60];

        self.rfc3339 = *b"0000-00-00T00:00:00";
        put_digits(&mut self.rfc3339[0..4], year);
        put_digits(&mut self.rfc3339[5..7], month);
        put_digits(&mut self.rfc3339[8..10], day);
        put_digits(&mut self.rfc3339[11..13], hour);
        put_digits(&mut self.rfc3339[14..16], minute);
        put_digits(&mut self.rfc3339[17..19], second);

        self.ncsa = *b"00/Mon/0000:00:00:00 +0000";
        put_digits(&mut self.ncsa[0..2], day);
        self.ncsa[3..6].copy_from_slice(MONTHS[(month - 1) as usize]);
        put_digits(&mut self.ncsa[7..11], year);
        put_digits(&mut self.ncsa[12..14], hour);
        put_digits(&mut self.ncsa[15..17], minute);
        put_digits(&mut self.ncsa[18..20], second);
    }
}

/// Writes the last `out.len()` digits of `n`.
fn put_digits(out: &mut [u8], mut n: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01, in the proleptic
/// Gregorian calendar.
///
/// Counts in years that begin on 1 March, so that the leap day is the last of its year, and in
/// eras of 400 years, which all have 146,097 days.
fn civil_date(unix_day: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;
    let days = unix_day + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    // Takes out the leap days passed so far: one in 4 years, none in 100, one in 400.
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March, month lengths repeat 31, 30, 31, 30, 31: 153 days in five months.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unix_us: u64) -> (String, String) {
        let mut text = TimeText::new();
        let (mut rfc3339, mut ncsa) = (Vec::new(), Vec::new());
        text.push_rfc3339(&mut rfc3339, unix_us);
        text.push_ncsa(&mut ncsa, unix_us);
        (String::from_utf8(rfc3339).unwrap(), String::from_utf8(ncsa).unwrap())
    }

    #[test]
    fn known_moments() {
        for (unix_us, rfc3339, ncsa) in [
            (0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999Z", "28/Feb/2000:23:59:59 +0000"),
            (951_782_400_001_000, "2000-02-29T00:00:00.001Z", "29/Feb/2000:00:00:00 +0000"),
            (1_000_000_000_000_000, "2001-09-09T01:46:40.000Z", "09/Sep/2001:01:46:40 +0000"),
            (1_795_233_684_123_456, "2026-11-21T04:01:24.123Z", "21/Nov/2026:04:01:24 +0000"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z", "01/Mar/2100:00:00:00 +0000"),
        ] {
            assert_eq!(texts(unix_us), (rfc3339.to_owned(), ncsa.to_owned()));
        }
    }

    #[test]
    fn every_day_of_an_era_follows_the_one_before() {
        let is_leap =
            |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for unix_day in 0..146_097 {
            assert_eq!(civil_date(unix_day), (year, month, day), "{unix_day}");
            let length = match month {
                2 => 28 + u64::from(is_leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn a_far_moment_neither_panics_nor_overflows() {
        let (rfc3339, ncsa) = texts(u64::MAX);
        assert_eq!((rfc3339.len(), ncsa.len()), (24, 26));
    }
}
