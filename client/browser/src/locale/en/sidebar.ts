/** English, for the proctor's sidebar. The other languages have exactly these entries. */

import { ago, brief, clock, duration, isolated, moment, number, plural, position, sureness } from "../intl.ts";

const LANG = "en";
const n = (value: number): string => number(LANG, value);

type Kind = "multiple_voices" | "voice_changed";
type Decision = "open" | "confirmed" | "dismissed";

export const sidebar = {
  // Numbers and times.
  number: n,
  sureLong: (confidence: number) => sureness(LANG, confidence),
  seconds: (ms: number) => brief(LANG, ms),
  position: (ms: number) => position(LANG, ms),
  clock: (at: number) => clock(LANG, at),
  moment: (at: number) => moment(LANG, at),
  ago: (at: number, now: number) => ago(LANG, at, now),
  /** Between two short facts. */
  separator: " · ",
  times: (rate: number) => `${n(rate)}×`,

  // The line.
  lines: { connecting: "Connecting", live: "Live", down: "Reconnecting", over: "Disconnected", ended: "Meeting ended" },
  down: "The connection is down.",
  downMeans: "What you see may be old. It comes back by itself, and nothing is lost.",
  downAtFirst: "Trying to reach the server.",
  back: (ms: number) => `Connected again after ${duration(LANG, ms)}.`,
  missed: (events: number, anomalies: number) =>
    `Meanwhile: ${plural(LANG, events, { one: "# event", other: "# events" })}, ${
      anomalies === 0 ? "no new anomaly" : plural(LANG, anomalies, { one: "# new anomaly", other: "# new anomalies" })
    }.`,
  gotIt: "Close this message",
  faults: (code: string): string =>
    ({
      unreachable: "The server can't be reached.",
      unauthorized: "This link or token is not valid.",
      token_expired: "Your access has run out.",
      forbidden: "This is not open to you.",
      revoked: "Your access was withdrawn.",
      not_found: "That is not there, or was deleted.",
      meeting_ended: "The meeting has ended.",
      rate_limited: "Too many requests; try again in a moment.",
      unavailable: "The server is busy; try again in a moment.",
    })[code] ?? "That did not work.",

  // Options.
  options: "Options",
  sound: "Sound",
  soundMeans: "A soft chime for each new anomaly",
  notify: "Notifications",
  notifyMeans: "From the browser, while you look elsewhere",
  notifyRefused: "The browser does not allow this page to notify",
  keys: "↑ and ↓ move through a list, J and K through the anomalies. Space plays, ← and → jump between turns.",
  views: "Views",

  // Candidates.
  candidates: "Candidates",
  search: "Search candidates",
  searchHint: "Search",
  sortBy: "Sort by",
  sorts: { name: "By name", state: "By state", anomalies: "By anomalies", outcome: "By last outcome" },
  filterByState: "Filter by state",
  allStates: (count: number) => `All states (${n(count)})`,
  stateCount: (state: string, count: number) => `${state} (${n(count)})`,
  withAnomalies: "With anomalies",
  found: (count: number) => plural(LANG, count, { one: "# candidate found", other: "# candidates found" }),
  noneFound: "Nothing matches.",
  clearFilters: "Clear the filters",
  nobody: "Nobody has joined yet",
  nobodyYet: "Candidates appear here as soon as they open their link.",
  loading: "Loading…",
  states: {
    joined: "Joined",
    streaming: "Streaming",
    degraded: "Degraded",
    silent: "Silent",
    lost: "Connection lost",
    finished: "Finished",
    revoked: "Revoked",
  },
  outcomes: {
    clean: "As expected",
    silent: "No sound",
    unclear: "Unclear",
    multiple_voices: "Several voices",
    voice_changed: "Voice changed",
    failed: "Not analysed",
  },
  /** `reason` is the server's. */
  because: (outcome: string, reason: string) => `${outcome}: ${isolated(reason)}`,
  noOutcome: "No verdict yet",
  anomalies: (count: number) => plural(LANG, count, { one: "# anomaly", other: "# anomalies" }),
  openOnes: (count: number) => `${n(count)} open`,
  strip: "The exam so far",
  /** `facts` are of `spans`. */
  stripOf: (facts: readonly string[]) => `The exam so far, in windows: ${facts.join(", ")}`,
  spans: {
    clean: (count: number) => `${n(count)} as expected`,
    voices: (count: number) => `${n(count)} with another voice`,
    silent: (count: number) => `${n(count)} without sound`,
    unclear: (count: number) => `${n(count)} unclear`,
    failed: (count: number) => `${n(count)} not analysed`,
    missing: (ms: number) => `${duration(LANG, ms)} missing`,
    waiting: (count: number) => `${n(count)} waiting`,
  },
  externalId: "External id",
  expectedVoices: "Voices expected",
  fewerVoices: "Expect one voice less",
  moreVoices: "Expect one voice more",
  showAnomalies: (count: number) => plural(LANG, count, { one: "Show # anomaly", other: "Show # anomalies" }),
  revoke: "Revoke",
  revokeSure: (name: string) => `Stop the recording of ${isolated(name)}?`,
  letIn: "Let in again",
  cancel: "Cancel",

  // Anomalies.
  anomaliesTitle: "Anomalies",
  filterByReview: "Filter by decision",
  reviews: { open: "Open", confirmed: "Confirmed", dismissed: "Dismissed", all: "All" },
  showEverybody: "Show everybody",
  showAll: (count: number) => plural(LANG, count, { one: "Show # anomaly", other: "Show all #" }),
  noAnomalies: "No anomalies",
  noAnomaliesYet: "When more voices are heard than expected, or another one, it shows here within seconds.",
  allDecided: "Nothing is open: every anomaly has a decision.",
  newOnes: (count: number) => `${n(count)} new`,
  fresh: "New",
  /** Of a voice that has changed, `otherMs` is all that was heard. */
  heard: (kind: Kind, voices: number, otherMs: number): string => {
    if (kind === "voice_changed") return `A different voice, ${brief(LANG, otherMs)}`;
    const further = voices - 1;
    return `${further === 1 ? "A second voice" : `${n(further)} further voices`}, ${brief(LANG, otherMs)}`;
  },
  heardLong: (kind: Kind, voices: number, expected: number | null, otherMs: number): string => {
    const heard = plural(LANG, voices, { one: "# voice was heard", other: "# voices were heard" });
    if (kind === "voice_changed") {
      const which = voices === 1 ? "It differs" : "The one that spoke most differs";
      return `${heard}, for ${duration(LANG, otherMs)}. ${which} from the voice that was heard before.`;
    }
    const wanted =
      expected === null ? "" : ` where ${plural(LANG, expected, { one: "# is expected", other: "# are expected" })}`;
    return `${heard}${wanted}. Voices other than the main one spoke for ${duration(LANG, otherMs)}.`;
  },
  sureShort: (confidence: number) => `${sureness(LANG, confidence)} sure`,
  windowCount: (count: number) => plural(LANG, count, { one: "# window", other: "# windows" }),
  announced: (count: number, name: string) =>
    count === 1 ? `New anomaly: ${isolated(name)}` : `${n(count)} new anomalies, the latest: ${isolated(name)}`,

  // Evidence.
  evidence: "Who spoke when",
  /** In place of turns. */
  heardBefore: "the voice heard before",
  pickOne: "Choose an anomaly to hear it and to see who spoke when.",
  noneToPick: "Who spoke when shows here, once there is something to hear.",
  close: "Close",
  when: "Recorded",
  sure: "How sure",
  heardIn: (count: number) => plural(LANG, count, { one: "Heard in # window", other: "Heard in # windows" }),
  moreWindows: (count: number) =>
    plural(LANG, count, {
      one: "# further window is counted, not listed.",
      other: "# further windows are counted, not listed.",
    }),

  // Player.
  player: "Recording",
  place: "Place in the recording",
  placeOf: (ms: number, labels: readonly string[]) =>
    `${position(LANG, ms)}, ${labels.length === 0 ? "nobody speaks" : `voice ${labels.join(" and ")} speaks`}`,
  loadingClip: "Loading the recording…",
  cannotPlay: "This recording can't be played.",
  play: "Play",
  pause: "Pause",
  previousTurn: "Previous turn",
  nextTurn: "Next turn",
  speed: "Speed",
  turnList: (count: number) => plural(LANG, count, { one: "# turn as a list", other: "# turns as a list" }),

  // Decisions.
  decision: "Decision",
  note: "Note",
  notePlaceholder: "Optional. Other proctors see it.",
  confirm: "Confirm",
  dismiss: "Dismiss",
  undo: "Undo",
  sending: "Sending…",
  decidedBy: (decision: Decision, by: string): string =>
    `${{ open: "Reopened", confirmed: "Confirmed", dismissed: "Dismissed" }[decision]} by ${isolated(by)}`,
  /** `fact` is a sentence about somebody. */
  said: (name: string, fact: string) => `${isolated(name)}: ${fact}`,
  decisionFailed: (why: string) => `Not saved: ${why}`,
};

/** What every language has for sidebar. */
export type SidebarStrings = typeof sidebar;
