/** Pure: which rows and cards are shown, and in which order. */

import { collator } from "../locale/intl.ts";
import type { Outcome } from "../wire/messages.ts";
import { type CandidateState, type Item, type ReviewState, type Row, STATES } from "./model.ts";

export const SORTS = ["name", "state", "anomalies", "outcome"] as const;
export type Sort = (typeof SORTS)[number];

export interface RosterQuery {
  readonly text: string;
  readonly state: CandidateState | "all";
  readonly anomaliesOnly: boolean;
  readonly sort: Sort;
}

export interface FeedQuery {
  readonly state: ReviewState | "all";
  /** One candidate's, or everybody's. */
  readonly participant: string | null;
}

/** What wants a look first: those whose sound does not come, then those who are fine, then those who are done. */
const URGENCY: readonly CandidateState[] = ["lost", "silent", "degraded", "streaming", "joined", "finished", "revoked"];
const WORTH: readonly (Outcome | null)[] = [
  ...(["multiple_voices", "voice_changed", "failed", "unclear", "silent", "clean"] as const),
  null,
];

const byUrgency = new Map(STATES.map((state) => [state, URGENCY.indexOf(state)]));
const byWorth = new Map(WORTH.map((outcome, place) => [outcome, place]));

/** Without case and accents, so that `jose` finds `José`. */
export function folded(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLocaleLowerCase();
}

const KEYS: Record<Sort, (row: Row) => number> = {
  name: () => 0,
  state: (row) => byUrgency.get(row.state)!,
  anomalies: (row) => -(row.open * 100_000 + row.anomalies),
  outcome: (row) => byWorth.get(row.lastOutcome)!,
};

/** The rows that are asked for; equal ones by name, then id, so that none jumps about. */
export function arrangeRoster(rows: readonly Row[], query: RosterQuery, lang: string): Row[] {
  const words = folded(query.text).split(/\s+/).filter(Boolean);
  const names = collator(lang);
  const key = KEYS[query.sort];
  return rows
    .filter((row) => {
      if (query.state !== "all" && row.state !== query.state) return false;
      if (query.anomaliesOnly && row.anomalies === 0) return false;
      if (words.length === 0) return true;
      const text = folded(`${row.name} ${row.externalId ?? ""}`);
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => key(a) - key(b) || names.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
}

/** The anomalies that are asked for, in the order they have. Those of `keep` stay although decided: they are being read. */
export function arrangeFeed(items: readonly Item[], query: FeedQuery, keep: readonly (string | null)[]): Item[] {
  return items.filter(({ anomaly }) => {
    if (query.participant !== null && anomaly.participant.id !== query.participant) return false;
    return query.state === "all" || anomaly.state === query.state || keep.includes(anomaly.id);
  });
}
