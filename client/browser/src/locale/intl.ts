/**
 * What catalogues and elements say with numbers and times. Making an `Intl` formatter takes 50 µs and more, so that each
 * is made once a language.
 */

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** The language as it is written where the reader is: somebody in London has other clocks than somebody in Boston. */
function here(lang: string): string {
  return globalThis.navigator?.languages?.find((tag) => tag.toLowerCase().startsWith(`${lang}-`)) ?? lang;
}

function once<T>(make: (lang: string) => T): (lang: string) => T {
  const made = new Map<string, T>();
  return (lang) => {
    let one = made.get(lang);
    if (one === undefined) {
      one = make(here(lang));
      made.set(lang, one);
    }
    return one;
  };
}

const rules = once((lang) => new Intl.PluralRules(lang));
const numbers = once((lang) => new Intl.NumberFormat(lang));
const percents = once((lang) => new Intl.NumberFormat(lang, { style: "percent" }));
const units = (unit: "second" | "minute" | "hour" | "day", unitDisplay: "narrow" | "long") =>
  once((lang) => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay }));
const BRIEF = [units("second", "narrow"), units("minute", "narrow"), units("hour", "narrow")] as const;
const LONG = [units("second", "long"), units("minute", "long"), units("hour", "long")] as const;
const wholeDays = units("day", "long");
const two = once((lang) => new Intl.NumberFormat(lang, { minimumIntegerDigits: 2, useGrouping: false }));
const clocks = once((lang) => new Intl.DateTimeFormat(lang, { hour: "numeric", minute: "2-digit" }));
const days = once((lang) => new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium" }));
const relatives = once((lang) => new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" }));
const collators = once((lang) => new Intl.Collator(lang, { numeric: true, sensitivity: "base" }));

/** The form that the language's grammar wants for `count`; `#` in it becomes the number. */
export function plural(lang: string, count: number, forms: Forms): string {
  return (forms[rules(lang).select(count)] ?? forms.other).replace("#", numbers(lang).format(count));
}

export const number = (lang: string, value: number): string => numbers(lang).format(value);

/** `0.82` → `82%`. */
export const percent = (lang: string, share: number): string => percents(lang).format(share);

/** How sure a verdict is, as a percentage: nobody is ever quite sure, so it ends at 99. */
export const sureness = (lang: string, confidence: number): string => percent(lang, Math.min(confidence, 0.99));

function lasting([seconds, minutes, hours]: typeof BRIEF | typeof LONG, lang: string, ms: number): string {
  if (ms < 59_500) return seconds(lang).format(Math.round(ms / 1000));
  if (ms < 3_570_000) return minutes(lang).format(Math.round(ms / 60_000));
  return hours(lang).format(Math.round(ms / 360_000) / 10);
}

/** How long something lasts, in the largest unit that says enough: `4 seconds`, `12 minutes`, `2.5 hours`. */
export const duration = (lang: string, ms: number): string => lasting(LONG, lang, ms);

/** The same where there is little room: `4s`, `12m`, `2.5h`. */
export const brief = (lang: string, ms: number): string => lasting(BRIEF, lang, ms);

/** `30 days`. */
export const inDays = (lang: string, count: number): string => wholeDays(lang).format(count);

/** A place in a recording: `0:32`. */
export function position(lang: string, ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  return `${numbers(lang).format(Math.floor(whole / 60))}:${two(lang).format(whole % 60)}`;
}

/** The time of day, here: `14:03`. `at` is in ms since 1970. */
export const clock = (lang: string, at: number): string => clocks(lang).format(at);

/** Day and time. */
export const moment = (lang: string, at: number): string => days(lang).format(at);

/** `2 min. ago`, as coarse as one looks at it: nothing here changes more often than once a minute. */
export function ago(lang: string, at: number, now: number): string {
  const past = Math.max(0, now - at);
  if (past < 60_000) return relatives(lang).format(0, "second");
  if (past < 3_600_000) return relatives(lang).format(-Math.floor(past / 60_000), "minute");
  if (past < 86_400_000) return relatives(lang).format(-Math.floor(past / 3_600_000), "hour");
  return relatives(lang).format(-Math.floor(past / 86_400_000), "day");
}

/** For sorting names as people of that language do. */
export const collator = (lang: string): Intl.Collator => collators(lang);

/** A name in a sentence of either direction: its own does not leak out (Unicode's FSI and PDI). */
export const isolated = (name: string): string => `\u2068${name}\u2069`;
