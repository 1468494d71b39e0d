/**
 * When somebody is there: weekly times, holidays and days with other times, and what was set by hand. Pure, by the clock on the wall of a time zone, so
 * that daylight saving needs no care: 09:00 is 09:00, an hour that comes twice counts twice, and one that is left out is not missed.
 *
 *   weekly    `mon-fri 09:00-12:00,13:00-17:30`   `sat,sun 10:00-14:00`   `fri 22:00-02:00` (until Saturday morning)
 *   holidays  `12-25` every year   `2026-12-24..2027-01-06`   `12-24 09:00-12:00` other times; the first that fits a day decides
 */
export interface OpeningHours {
  /** IANA. */
  readonly timeZone: string;
  readonly weekly: readonly string[];
  readonly holidays: readonly string[];
  /** Whatever the times say. */
  readonly override: 'open' | 'closed' | null;
}

/** Minutes of a day; an end beyond 1,440 is on the next. */
interface Span {
  from: number;
  to: number;
}

interface Holiday {
  /** `yyyymmdd`, or `mmdd` of every year; both included. */
  from: number;
  to: number;
  yearly: boolean;
  spans: readonly Span[];
}

interface Timetable {
  /** From Sunday on. */
  weekly: ReadonlyArray<readonly Span[]>;
  holidays: readonly Holiday[];
}

interface Day {
  year: number;
  month: number;
  day: number;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** Days that are looked at together for the next change, and how often: a little more than a year. */
const WINDOW_DAYS = 14;
const WINDOWS = 28;

/** What is wrong with a line of `weekly`; undefined: nothing. */
export const weeklyProblem = (line: string): string | undefined => problemOf(() => weeklyLine(line));

/** What is wrong with a line of `holidays`; undefined: nothing. */
export const holidayProblem = (line: string): string | undefined => problemOf(() => holidayLine(line));

/** Errors: RangeError for lines that have a problem, and for a time zone that is none. */
export function isOpen(hours: OpeningHours, at: Date): boolean {
  if (hours.override !== null) return hours.override === 'open';
  const table = timetableOf(hours);
  const { minute, ...today } = wallTime(hours.timeZone, at.getTime());
  const yesterday = dayAfter(today, -1);
  return spansOf(table, today).some(({ from, to }) => from <= minute && minute < to) || spansOf(table, yesterday).some(({ to }) => minute < to - DAY_MINUTES);
}

/** When it will be otherwise than at `at`, to the minute; undefined: not within a year, or it was set by hand. Errors: as `isOpen`. */
export function nextChange(hours: OpeningHours, at: Date): Date | undefined {
  if (hours.override !== null) return undefined;
  const now = isOpen(hours, at);
  const today = wallTime(hours.timeZone, at.getTime());
  for (let window = 0; window < WINDOWS; window++) {
    // a day belongs to its neighbours', too: spans that end on the next one, and clocks that are set
    const moments = new Set<number>();
    for (let i = -2; i <= WINDOW_DAYS + 1; i++) momentsOf(hours, dayAfter(today, window * WINDOW_DAYS + i), moments);
    const limit = utcOf(dayAfter(today, (window + 1) * WINDOW_DAYS));
    const found = [...moments].filter((ms) => ms > at.getTime() && ms <= limit).sort((a, b) => a - b).find((ms) => isOpen(hours, new Date(ms)) !== now);
    if (found !== undefined) return new Date(found);
  }
  return undefined;
}

/** When something may begin or end that is of that day. */
function momentsOf(hours: OpeningHours, day: Day, into: Set<number>): void {
  for (const { from, to } of spansOf(timetableOf(hours), day)) {
    for (const minute of [from, to]) {
      const wall = utcOf(day) + minute * MINUTE_MS;
      const [before, after] = [offsetAt(hours.timeZone, wall - DAY_MS), offsetAt(hours.timeZone, wall + DAY_MS)];
      into.add(wall - before);
      if (before === after) continue;
      into.add(wall - after);
      into.add(changeBetween(hours.timeZone, wall - DAY_MS, wall + DAY_MS));
    }
  }
}

/** When clocks are set, between two moments with different offsets. */
function changeBetween(timeZone: string, from: number, to: number): number {
  const before = offsetAt(timeZone, from);
  let [low, high] = [Math.floor(from / MINUTE_MS), Math.ceil(to / MINUTE_MS)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle * MINUTE_MS) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}

function spansOf({ weekly, holidays }: Timetable, day: Day): readonly Span[] {
  const ofYear = day.month * 100 + day.day;
  const date = day.year * 10_000 + ofYear;
  const holiday = holidays.find(({ from, to, yearly }) => {
    const one = yearly ? ofYear : date;
    return from <= to ? from <= one && one <= to : one >= from || one <= to;
  });
  return holiday?.spans ?? weekly[new Date(utcOf(day)).getUTCDay()] ?? [];
}

const utcOf = ({ year, month, day }: Day): number => Date.UTC(year, month - 1, day);

function dayAfter(day: Day, days: number): Day {
  const date = new Date(utcOf(day) + days * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** What clocks are ahead of UTC, ms. */
function offsetAt(timeZone: string, ms: number): number {
  const { minute, ...day } = wallTime(timeZone, ms);
  return utcOf(day) + minute * MINUTE_MS - Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallTime(timeZone: string, ms: number): Day & { minute: number } {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
    formats.set(timeZone, format);
  }
  const found: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) found[type] = Number(value);
  return { year: found['year']!, month: found['month']!, day: found['day']!, minute: (found['hour']! % 24) * 60 + found['minute']! };
}

/** Read once: settings are the same object until they change. */
const timetables = new WeakMap<OpeningHours, Timetable>();

function timetableOf(hours: OpeningHours): Timetable {
  let table = timetables.get(hours);
  if (!table) {
    const weekly: Span[][] = DAYS.map(() => []);
    for (const { days, spans } of hours.weekly.map(weeklyLine)) for (const day of days) weekly[day]!.push(...spans);
    table = { weekly, holidays: hours.holidays.map(holidayLine) };
    timetables.set(hours, table);
  }
  return table;
}

function weeklyLine(line: string): { days: number[]; spans: Span[] } {
  const [days, times, ...more] = line.trim().toLowerCase().split(/\s+/);
  if (days === undefined || times === undefined || more.length > 0) throw new RangeError('must be days and times, such as “mon-fri 09:00-17:30”');
  return { days: days.split(',').flatMap(daysOf), spans: times.split(',').map(spanOf) };
}

function daysOf(text: string): number[] {
  const [first, last = first, ...more] = text.split('-').map((name) => (DAYS as readonly string[]).indexOf(name));
  if (first === undefined || last === undefined || first < 0 || last < 0 || more.length > 0) throw new RangeError(`“${text}” is not a day or days: mon, tue, wed, thu, fri, sat, sun, or mon-fri`);
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => (first + i) % 7);
}

function spanOf(text: string): Span {
  const [from, end, ...more] = text.split('-').map(minuteOf);
  if (from === undefined || end === undefined || more.length > 0) throw new RangeError(`“${text}” is not a time from one to another, such as 09:00-17:30`);
  if (from === end || from === DAY_MINUTES) throw new RangeError(`“${text}” is no time at all; a whole day is 00:00-24:00`);
  return { from, to: end > from ? end : end + DAY_MINUTES };
}

function minuteOf(text: string): number | undefined {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const total = Number(hour) * 60 + Number(minute);
  return hour !== undefined && Number(minute) < 60 && total <= DAY_MINUTES ? total : undefined;
}

function holidayLine(line: string): Holiday {
  const [dates, times, ...more] = line.trim().split(/\s+/);
  if (!dates || more.length > 0) throw new RangeError('must be a date or dates, and times if it is open then: “12-25”, “2026-12-24..2027-01-06”, “12-24 09:00-12:00”');
  const [first, last = first, ...rest] = dates.split('..').map(dateOf);
  if (!first || !last || rest.length > 0) throw new RangeError(`“${dates}” is not a date (2026-12-24, or 12-24 of every year), nor one..another`);
  if (first.yearly !== last.yearly) throw new RangeError(`“${dates}” has a year at one end only`);
  if (!first.yearly && last.date < first.date) throw new RangeError(`“${dates}” ends before it begins`);
  return { from: first.date, to: last.date, yearly: first.yearly, spans: times === undefined ? [] : times.split(',').map(spanOf) };
}

function dateOf(text: string): { date: number; yearly: boolean } | undefined {
  const [, year, month, day] = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (month === undefined || day === undefined) return undefined;
  // 2024 has a 29th of February
  const date = new Date(Date.UTC(Number(year ?? 2024), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return undefined;
  return { date: Number(year ?? 0) * 10_000 + Number(month) * 100 + Number(day), yearly: year === undefined };
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (err) {
    if (err instanceof RangeError) return err.message;
    throw err;
  }
}
