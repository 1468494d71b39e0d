import fc from 'fast-check';
import { holidayProblem, isOpen, nextChange, weeklyProblem, type OpeningHours } from '../../../signaling/opening-hours';

const hours = (weekly: string[], more: Partial<OpeningHours> = {}): OpeningHours => ({ timeZone: 'Europe/Berlin', weekly, holidays: [], override: null, ...more });
const office = hours(['mon-fri 09:00-12:00,13:00-17:30', 'sat 10:00-14:00']);
const open = (one: OpeningHours, at: string): boolean => isOpen(one, new Date(at));
const next = (one: OpeningHours, at: string): string | undefined => nextChange(one, new Date(at))?.toISOString();

test.each([
  ['2026-11-23T07:59:59Z', false, 'Monday, a second before nine'],
  ['2026-11-23T08:00:00Z', true, 'nine'],
  ['2026-11-23T11:00:00Z', false, 'lunch'],
  ['2026-11-23T12:00:00Z', true, 'after lunch'],
  ['2026-11-23T16:30:00Z', false, 'half past five'],
  ['2026-11-28T09:30:00Z', true, 'Saturday'],
  ['2026-11-29T09:30:00Z', false, 'Sunday'],
  ['2026-07-06T07:00:00Z', true, 'nine in summer'],
  ['2026-07-06T08:00:00Z', true, 'ten in summer'],
  ['2026-07-06T15:30:00Z', false, 'half past five in summer'],
])('%s: %s (%s)', (at, expected) => {
  expect(open(office, at)).toBe(expected);
});

test('a span beyond midnight belongs to the day on which it begins', () => {
  const bar = hours(['fri,sat 22:00-02:00', 'sun 00:00-24:00']);
  expect(['2026-11-27T21:00:00Z', '2026-11-28T00:59:00Z', '2026-11-28T01:00:00Z', '2026-11-29T00:30:00Z', '2026-11-29T22:59:00Z', '2026-11-29T23:00:00Z'].map((at) => open(bar, at))).toEqual([true, true, false, true, true, false]);
  // of a holiday neither
  expect(open({ ...bar, holidays: ['2026-11-27'] }, '2026-11-28T00:30:00Z')).toBe(false);
});

test('days of a week that go around its end', () => {
  const one = hours(['sat-mon 10:00-11:00']);
  expect([28, 29, 30].map((day) => open(one, `2026-11-${day}T09:30:00Z`)).concat(open(one, '2026-11-27T09:30:00Z'), open(one, '2026-12-01T09:30:00Z'))).toEqual([true, true, true, false, false]);
});

test('holidays: every year, once, from one to another, around the turn of the year, with other times; the first decides', () => {
  const one = hours(['mon-sun 09:00-17:00'], { holidays: ['2026-12-24 14:00-15:00', '12-24 09:00-12:00', '12-25..01-01', '2027-03-01..2027-03-05', '02-29'] });
  const at = (day: string, time = '10:30') => open(one, `${day}T${time}:00Z`);
  expect([at('2026-12-24'), at('2026-12-24', '13:30'), at('2027-12-24'), at('2027-12-24', '13:30')]).toEqual([false, true, true, false]);
  expect(['2026-12-25', '2026-12-31', '2027-01-01', '2027-01-02'].map((day) => at(day))).toEqual([false, false, false, true]);
  expect(['2027-02-28', '2027-03-01', '2027-03-05', '2027-03-06', '2028-03-01', '2028-02-29'].map((day) => at(day))).toEqual([true, false, false, true, true, false]);
});

test('by hand, whatever the times say', () => {
  expect([open({ ...office, override: 'open' }, '2026-11-29T00:00:00Z'), open({ ...office, override: 'closed' }, '2026-11-23T09:00:00Z'), next({ ...office, override: 'open' }, '2026-11-29T00:00:00Z')]).toEqual([true, false, undefined]);
});

test('when it changes next', () => {
  expect(next(office, '2026-11-23T08:00:00Z')).toBe('2026-11-23T11:00:00.000Z');
  expect(next(office, '2026-11-28T13:00:00Z')).toBe('2026-11-30T08:00:00.000Z');
  expect(next({ ...office, holidays: ['11-30..12-31'] }, '2026-11-28T13:00:00Z')).toBe('2027-01-01T08:00:00.000Z');
  // spans that touch are one
  expect(next(hours(['mon 09:00-12:00,12:00-13:00']), '2026-11-23T08:30:00Z')).toBe('2026-11-23T12:00:00.000Z');
  expect([next(hours([]), '2026-11-23T08:30:00Z'), next(hours(['mon-sun 00:00-24:00']), '2026-11-23T08:30:00Z')]).toEqual([undefined, undefined]);
});

describe('clocks that are set', () => {
  test('an hour that is left out: what opens in it opens when it is over, what closes in it has closed', () => {
    // 2027-03-28 at 01:00Z, 02:00 becomes 03:00
    expect(next(hours(['sun 02:30-05:00']), '2027-03-28T00:00:00Z')).toBe('2027-03-28T01:00:00.000Z');
    expect(next(hours(['sun 01:00-02:30']), '2027-03-28T00:30:00Z')).toBe('2027-03-28T01:00:00.000Z');
    expect(open(hours(['sun 02:10-02:50']), '2027-03-28T01:00:00Z')).toBe(false);
  });

  test('an hour that comes twice: open in both', () => {
    // 2026-10-25 at 01:00Z, 03:00 becomes 02:00
    const one = hours(['sun 01:00-02:30']);
    expect(['2026-10-25T00:15:00Z', '2026-10-25T00:45:00Z', '2026-10-25T01:15:00Z', '2026-10-25T01:45:00Z'].map((at) => open(one, at))).toEqual([true, false, true, false]);
    expect([next(one, '2026-10-25T00:15:00Z'), next(one, '2026-10-25T00:30:00Z'), next(one, '2026-10-25T01:00:00Z')]).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z']);
  });

  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia', 'UTC'];
  // around the days on which clocks are set, in both halves of the world
  const moments = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01', '2026-06-15'].map((day) => Date.parse(`${day}T00:00:00Z`));
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = fc.tuple(fc.nat(23), fc.constantFrom(0, 15, 30, 59)).map(([h, m]) => `${two(h)}:${two(m)}`);
  const span = fc.tuple(time, time).filter(([a, b]) => a !== b).map(([a, b]) => `${a}-${b}`);
  const line = fc.tuple(fc.constantFrom('sun', 'mon-sun', 'sat-mon', 'tue,thu'), fc.array(span, { minLength: 1, maxLength: 2 })).map(([days, spans]) => `${days} ${spans.join(',')}`);

  test('the next change is the first minute at which it is otherwise', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.array(line, { minLength: 1, maxLength: 3 }), fc.constantFrom(...moments), fc.integer({ min: -1500, max: 1500 }), (timeZone, weekly, around, minutes) => {
        const one = hours(weekly, { timeZone });
        const at = around + minutes * 60_000;
        const now = isOpen(one, new Date(at));
        const found = nextChange(one, new Date(at))?.getTime();
        let step = at + 60_000;
        while (step < at + 36 * 3_600_000 && isOpen(one, new Date(step)) === now) step += 60_000;
        if (step < at + 36 * 3_600_000) expect([timeZone, weekly, new Date(found!).toISOString()]).toEqual([timeZone, weekly, new Date(step).toISOString()]);
        else expect(found === undefined || found >= step).toBe(true);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

test.each([
  ['mon-fri', 'must be days and times, such as “mon-fri 09:00-17:30”'],
  ['mo 09:00-10:00', '“mo” is not a day or days: mon, tue, wed, thu, fri, sat, sun, or mon-fri'],
  ['mon 9-10', '“9-10” is not a time from one to another, such as 09:00-17:30'],
  ['mon 25:00-26:00', '“25:00-26:00” is not a time from one to another, such as 09:00-17:30'],
  ['mon 09:00-09:00', '“09:00-09:00” is no time at all; a whole day is 00:00-24:00'],
  ['mon-fri 09:00-17:30', undefined],
])('weekly “%s”: %s', (line, problem) => {
  expect(weeklyProblem(line)).toBe(problem);
});

test.each([
  ['', 'must be a date or dates, and times if it is open then: “12-25”, “2026-12-24..2027-01-06”, “12-24 09:00-12:00”'],
  ['2026-02-30', '“2026-02-30” is not a date (2026-12-24, or 12-24 of every year), nor one..another'],
  ['2026-12-24..12-26', '“2026-12-24..12-26” has a year at one end only'],
  ['2026-12-24..2026-12-01', '“2026-12-24..2026-12-01” ends before it begins'],
  ['02-29', undefined],
  ['12-24..01-02 10:00-11:00', undefined],
])('holiday “%s”: %s', (line, problem) => {
  expect(holidayProblem(line)).toBe(problem);
});
