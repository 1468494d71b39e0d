/**
 * Speaking: numbers, times and dates as lists of prompts, and where a prompt's file lies. Pure, but for that path; the application may use it.
 *
 *   sayNumber(42) → ['40', '2']      sayTime(…, 12) → ['3', 'oh', '5', 'pm']      sayDate(…) → ['sunday', 'november', '22nd']
 *
 * English, as in the prompts' table: a second language brings its own grammar, and these functions then choose by language.
 */
import { join } from 'node:path';
import { EN, type PromptKey } from './prompts/en/prompts';

export type { PromptKey } from './prompts/en/prompts';

const LANGUAGES = { en: EN } as const;
export type Language = keyof typeof LANGUAGES;

export const MAX_NUMBER = 999_999_999;

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'] as const;
const SIGNS: Record<string, PromptKey> = { '*': 'star', '#': 'pound', '+': 'plus' };

/**
 * The prompt's file, an absolute path, from the sources as from a build. Errors: RangeError for a key or language that is not there (keys that
 * come from outside should be asked of `isPrompt` first).
 */
export function promptFile(key: PromptKey, language: Language = 'en'): string {
  if (!isPrompt(key, language)) throw new RangeError(`There is no prompt "${key}" in language "${language}".`);
  return join(__dirname, 'prompts', language, `${key}.wav`);
}

export function isPrompt(key: string, language: Language = 'en'): key is PromptKey {
  return Object.hasOwn(LANGUAGES, language) && Object.hasOwn(LANGUAGES[language], key);
}

/** What it says, for people who read. Errors: as `promptFile`. */
export function promptText(key: PromptKey, language: Language = 'en'): string {
  if (!isPrompt(key, language)) throw new RangeError(`There is no prompt "${key}" in language "${language}".`);
  const prompt = LANGUAGES[language][key];
  return typeof prompt === 'string' ? prompt : prompt.text;
}

/** The music on hold that comes with the system: a folder with one piece of our own, a loop. */
export function musicFolder(): string {
  return join(__dirname, 'prompts', 'moh');
}

/** Whole numbers to 999,999,999, also negative. Errors: RangeError. */
export function sayNumber(n: number): PromptKey[] {
  if (!Number.isInteger(n) || Math.abs(n) > MAX_NUMBER) throw new RangeError(`${n} cannot be said: whole numbers up to ${MAX_NUMBER} can.`);
  if (n < 0) return ['minus', ...sayNumber(-n)];
  if (n === 0) return ['0'];
  const keys: PromptKey[] = [];
  for (const [size, word] of [
    [1_000_000, 'million'],
    [1000, 'thousand'],
    [1, undefined],
  ] as const) {
    const part = Math.floor(n / size) % 1000;
    if (part === 0) continue;
    keys.push(...belowThousand(part));
    if (word) keys.push(word);
  }
  return keys;
}

/** One after the other, as a telephone number is read. What is neither a digit nor `*`, `#`, `+` is left out. */
export function sayDigits(text: string): PromptKey[] {
  return [...text].flatMap((char) => (char >= '0' && char <= '9' ? [char as PromptKey] : (SIGNS[char] ?? [])));
}

/** Errors: RangeError for a time zone that is not known (`Europe/Berlin` is), or a date that is none. */
export function sayTime(date: Date, timeZone: string, clock: 12 | 24): PromptKey[] {
  const { hour, minute } = partsOf(date, timeZone);
  const minutes: PromptKey[] = minute < 10 ? ['oh', ...belowThousand(minute)] : belowThousand(minute);
  if (clock === 24) return minute === 0 ? [...sayNumber(hour), 'hundred', 'hours'] : [...sayNumber(hour), ...minutes];
  if (minute === 0 && hour === 0) return ['midnight'];
  if (minute === 0 && hour === 12) return ['noon'];
  const half = hour < 12 ? 'am' : 'pm';
  return minute === 0 ? [...sayNumber(hour % 12 || 12), 'o-clock', half] : [...sayNumber(hour % 12 || 12), ...minutes, half];
}

/**
 * With `now`: 'today' or 'yesterday' where it was, the weekday alone within the week before, else weekday, month and day, and the year unless it
 * is this one. Without: weekday, month, day. Errors: as `sayTime`.
 */
export function sayDate(date: Date, timeZone: string, now?: Date): PromptKey[] {
  const day = partsOf(date, timeZone);
  const keys: PromptKey[] = [WEEKDAYS[day.weekday]!, MONTHS[day.month - 1]!, ordinal(day.day)];
  if (now === undefined) return keys;
  const today = partsOf(now, timeZone);
  const days = (Date.UTC(today.year, today.month - 1, today.day) - Date.UTC(day.year, day.month - 1, day.day)) / 86_400_000;
  if (days === 0) return ['today'];
  if (days === 1) return ['yesterday'];
  if (days > 1 && days < 7) return [WEEKDAYS[day.weekday]!];
  return day.year === today.year ? keys : [...keys, ...sayYear(day.year)];
}

/** 1 to 31. */
function ordinal(day: number): PromptKey {
  const ending = day % 10 === 1 && day !== 11 ? 'st' : day % 10 === 2 && day !== 12 ? 'nd' : day % 10 === 3 && day !== 13 ? 'rd' : 'th';
  return `${day}${ending}` as PromptKey;
}

/** "twenty twenty-six", "nineteen oh five", "two thousand one", "nineteen hundred". */
function sayYear(year: number): PromptKey[] {
  const rest = year % 100;
  if (year < 1000 || year > 9999 || year % 1000 < 10) return sayNumber(year);
  return [...belowThousand(Math.floor(year / 100)), ...(rest === 0 ? (['hundred'] as const) : rest < 10 ? (['oh', ...belowThousand(rest)] as const) : belowThousand(rest))];
}

/** 1 to 999; nothing for 0. */
function belowThousand(n: number): PromptKey[] {
  const keys: PromptKey[] = [];
  if (n >= 100) keys.push(...belowThousand(Math.floor(n / 100)), 'hundred');
  const rest = n % 100;
  if (rest > 20 && rest % 10 > 0) keys.push(String(rest - (rest % 10)) as PromptKey, String(rest % 10) as PromptKey);
  else if (rest > 0) keys.push(String(rest) as PromptKey);
  return keys;
}

function partsOf(date: Date, timeZone: string): { year: number; month: number; day: number; weekday: number; hour: number; minute: number } {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  const found: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(date)) found[type] = Number(value);
  const [year, month, day] = [found['year']!, found['month']!, found['day']!];
  return { year, month, day, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay(), hour: found['hour']! % 24, minute: found['minute']! };
}
