/** A meeting's events made up at random but as the server writes them, and the snapshot that a late proctor would get. */

import fc from "fast-check";
import type {
  Anomaly,
  Candidate,
  ChannelEvent,
  ChannelReady,
  Evidence,
  Outcome,
  Person,
} from "../../src/wire/messages.ts";

export const BEGAN = Date.UTC(2026, 4, 4, 9);
export const WINDOW_MS = 60_000;

/** What happens to whom, with a number that decides what exactly. */
export interface Step {
  readonly who: number;
  readonly what: "state" | "window" | "verdict" | "anomaly" | "grow" | "review" | "expect" | "reload";
  readonly choice: number;
}

export const steps = fc.array(
  fc.record({
    who: fc.nat(3),
    what: fc.constantFrom<Step["what"]>(
      "state",
      "window",
      "window",
      "verdict",
      "verdict",
      "anomaly",
      "grow",
      "review",
      "expect",
      "reload",
    ),
    choice: fc.nat(1000),
  }),
  { maxLength: 120 },
);

const STATES = ["streaming", "degraded", "silent", "lost", "finished"] as const;
const OUTCOMES: readonly Outcome[] = ["clean", "silent", "unclear", "multiple_voices", "voice_changed", "failed"];

export const at = (ms: number): string => new Date(ms).toISOString();

export function evidence(startMs: number, otherMs = 4000): Evidence {
  const turns: Evidence["turns"] = [
    [0, 20_000, 0],
    [20_000, 20_000 + otherMs, 1],
  ];
  const confidence = 0.9;
  return {
    clip: `c-${startMs}`,
    lead_in_ms: 52,
    start_at: at(startMs),
    duration_ms: WINDOW_MS,
    voices: 2,
    other_ms: otherMs,
    confidence,
    turns,
  };
}

export function anomaly(id: string, participant: Person, startMs: number, change: Partial<Anomaly> = {}): Anomaly {
  return {
    id,
    kind: "multiple_voices",
    state: "open",
    participant,
    opened_at: at(startMs),
    last_at: at(startMs + WINDOW_MS),
    count: 1,
    summary: "another voice",
    evidence: [evidence(startMs)],
    ...change,
  };
}

/** Somebody as the server keeps them: what a snapshot says. */
interface Kept extends Candidate {
  next: number;
}

/** The server's side, in memory: writes events, and can say all of it at once. */
export class Exam {
  readonly events: ChannelEvent[] = [];
  readonly #people = new Map<string, Kept>();
  readonly #anomalies = new Map<string, Anomaly>();

  /** Plays the steps; those that make no sense yet do nothing. */
  play(all: readonly Step[]): this {
    for (const step of all) this.#step(step);
    return this;
  }

  snapshot(): ChannelReady {
    return {
      type: "ready",
      meeting: "m",
      epoch: "e",
      recovered: false,
      last_id: this.events.length,
      candidates: [...this.#people.values()].map(({ next: _, ...candidate }) => structuredClone(candidate)),
      anomalies: [...this.#anomalies.values()]
        .sort((a, b) => (a.opened_at === b.opened_at ? (a.id < b.id ? 1 : -1) : a.opened_at < b.opened_at ? 1 : -1))
        .map((each) => structuredClone(each)),
    };
  }

  #step({ who, what, choice }: Step): void {
    const person = this.#person(who);
    const participant = { id: person.id, name: person.name };
    const waiting = person.windows.find((window) => window[4] === null);
    const open = [...this.#anomalies.values()].filter((each) => each.participant.id === person.id);
    const one = open[choice % Math.max(1, open.length)];
    if (what === "state") {
      person.state = STATES[choice % STATES.length]!;
      this.#write(`candidate_${STATES[choice % STATES.length]!}`, participant, { stream: person.stream });
    } else if (what === "reload") {
      person.stream = (person.stream ?? 0) + 1;
      person.next = 0;
    } else if (what === "expect") {
      person.expected_voices = 1 + (choice % 3);
      this.#write("candidate_changed", participant, { expected_voices: person.expected_voices });
    } else if (what === "window") {
      const start = BEGAN + person.windows.length * WINDOW_MS + (choice % 7 === 0 ? 30_000 : 0);
      person.windows.push([person.stream ?? 1, person.next, at(start), WINDOW_MS, null]);
      this.#write("window_stored", participant, {
        stream: person.stream ?? 1,
        window: person.next,
        start_at: at(start),
        duration_ms: WINDOW_MS,
      });
      person.next += 1;
    } else if (what === "verdict" && waiting) {
      const [stream, window, start_at, duration_ms] = waiting;
      const outcome = OUTCOMES[choice % OUTCOMES.length]!;
      waiting[4] = person.last_outcome = outcome;
      const reason = outcome === "unclear" || outcome === "failed" ? `${outcome} because of ${choice}` : undefined;
      delete person.last_reason;
      if (reason) person.last_reason = reason;
      this.#write("window_judged", participant, {
        stream,
        window,
        start_at,
        duration_ms,
        outcome,
        voices: 1,
        confidence: 0.8,
        ...(reason && { reason }),
      });
    } else if (what === "anomaly") {
      person.anomalies += 1;
      this.#tell("anomaly_opened", anomaly(`a-${this.events.length}`, participant, BEGAN + (choice % 50) * WINDOW_MS));
    } else if (what === "grow" && one?.state === "open") {
      const opened_at = choice % 5 === 0 ? at(Date.parse(one.opened_at) - WINDOW_MS) : one.opened_at;
      this.#tell("anomaly_grew", { ...one, opened_at, count: one.count + 1 });
    } else if (what === "review" && one) {
      const decision = (["confirmed", "dismissed", "open"] as const)[choice % 3]!;
      this.#tell("anomaly_reviewed", { ...one, state: decision, review: { decision, by: "Salma", at: at(BEGAN) } });
    }
  }

  #person(number: number): Kept {
    const id = `p${number}`;
    const found = this.#people.get(id);
    if (found) return found;
    const made: Kept = {
      id,
      name: `Person ${number}`,
      ...(number % 2 ? { external_id: `S-${number}` } : {}),
      state: "joined",
      stream: 1,
      expected_voices: 1,
      anomalies: 0,
      windows: [],
      next: 0,
    };
    this.#people.set(id, made);
    const { external_id } = made;
    this.#write("candidate_joined", { id, name: made.name }, external_id ? { external_id } : {});
    return made;
  }

  #tell(kind: ChannelEvent["kind"], moved: Anomaly): void {
    this.#anomalies.set(moved.id, moved);
    this.#write(kind, moved.participant, { anomaly: moved });
  }

  #write(kind: ChannelEvent["kind"], participant: Person, body: object): void {
    const id = this.events.length + 1;
    this.events.push({ type: "event", id, kind, at: at(BEGAN), participant, ...structuredClone(body) } as ChannelEvent);
  }
}
