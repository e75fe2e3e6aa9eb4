/** What a proctor chose, remembered in this browser for all meetings. */

import { SORTS, type Sort } from "./arrange.ts";

export interface Preferences {
  readonly sound: boolean;
  readonly notify: boolean;
  readonly sort: Sort;
  /** How many times faster than it was spoken. */
  readonly rate: number;
}

export const RATES = [1, 1.25, 1.5, 2] as const;

const KEY = "undertone.sidebar";
const DEFAULTS: Preferences = { sound: false, notify: false, sort: "name", rate: 1 };

/** Reads what was written by any version, and takes of it what still means something. */
export function readPreferences(text: string | null): Preferences {
  let said: Partial<Record<keyof Preferences, unknown>> = {};
  try {
    const read: unknown = JSON.parse(text ?? "{}");
    if (typeof read === "object" && read !== null) said = read;
  } catch {
    // Not ours: as good as nothing.
  }
  return {
    sound: said.sound === true,
    notify: said.notify === true,
    sort: SORTS.find((sort) => sort === said.sort) ?? DEFAULTS.sort,
    rate: RATES.find((rate) => rate === said.rate) ?? DEFAULTS.rate,
  };
}

/** Storage can be forbidden (a third-party frame, a private window): then nothing is remembered, and all else works. */
export function loadPreferences(): Preferences {
  try {
    return readPreferences(localStorage.getItem(KEY));
  } catch {
    return DEFAULTS;
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // As above.
  }
}
