import assert from "node:assert/strict";
import { test } from "node:test";
import type { Driver, Ears, MakeDriver } from "../../src/room/driver.ts";
import { roleIn } from "../../src/room/role.ts";
import { Visit } from "../../src/room/visit.ts";
import { ApiError } from "../../src/shell/api.ts";
import type { RoomData } from "../../src/wire/messages.ts";

const ROOM: RoomData = { provider: "livekit", id: "p1", token: "t", server: "wss://live.example.org" };

/** A visit whose provider and clock are ours. */
class Door {
  asked = 0;
  waits: number[] = [];
  left = 0;
  answers: (RoomData | ApiError)[] = [];
  refuses = false;
  ears: Ears | undefined;
  visit: Visit;
  #due: (() => void) | undefined;

  constructor(first?: RoomData) {
    const make: MakeDriver = (_room, _role, ears) => {
      this.ears = ears;
      const enter = async () => {
        if (this.refuses) throw new Error("no way in");
      };
      const driver: Partial<Driver> = { enter, people: () => [], leave: () => void this.left++ };
      return driver as Driver;
    };
    this.visit = new Visit({
      role: "candidate",
      first,
      ask: async () => {
        this.asked += 1;
        const answer = this.answers.shift() ?? ROOM;
        if (answer instanceof ApiError) throw answer;
        return answer;
      },
      load: async () => make,
      onChange: () => {},
      random: () => 1,
      later: (run, ms) => {
        this.waits.push(ms);
        this.#due = run;
        return setTimeout(() => {}, 0);
      },
    });
  }

  async start(): Promise<void> {
    this.visit.start();
    await settled();
  }

  async itsTimeComes(): Promise<void> {
    this.#due?.();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

test("whoever was just let in asks nobody; later a fresh way in is asked for", async () => {
  const door = new Door(ROOM);
  await door.start();
  assert.equal(door.visit.state, "inside");
  assert.equal(door.asked, 0);
  door.ears?.onEnd("lost");
  assert.equal(door.visit.state, "away");
  assert.equal(door.left, 1);
  await door.itsTimeComes();
  assert.equal(door.visit.state, "inside");
  assert.equal(door.asked, 1);
});

test("a provider that could not be asked, or lets nobody in, is tried again, ever more rarely", async () => {
  const door = new Door();
  door.answers = [{ provider: "livekit", missing: "it is down", retry_after_ms: 700 }];
  door.refuses = true;
  await door.start();
  assert.equal(door.visit.missing, "it is down");
  assert.equal(door.visit.provider, "livekit");
  for (let tries = 0; tries < 8; tries += 1) {
    assert.equal(door.visit.state, "away"); // also while it is tried: the word about it stays where it is
    assert.equal(door.visit.trying, false);
    await door.itsTimeComes();
  }
  assert.deepEqual(door.waits, [5700, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000, 120_000]);
  door.refuses = false;
  door.visit.again();
  await settled();
  assert.equal(door.visit.state, "inside");
});

test("a server that is away is asked again when it says", async () => {
  const door = new Door();
  door.answers = [new ApiError(429, "rate_limited", "slower", 3000), new ApiError(0, "unreachable", "")];
  await door.start();
  await door.itsTimeComes();
  assert.deepEqual(door.waits, [8000, 10_000]);
  await door.itsTimeComes();
  assert.equal(door.visit.state, "inside");
});

test("what is final is not tried again by itself", async () => {
  for (const [code, state, ending] of [
    ["not_found", "none", null],
    ["meeting_ended", "out", "closed"],
    ["revoked", "out", "removed"],
  ] as const) {
    const door = new Door();
    door.answers = [new ApiError(409, code, "")];
    await door.start();
    assert.equal(door.visit.state, state);
    assert.equal(door.visit.ending, ending);
    assert.deepEqual(door.waits, []);
  }
  const door = new Door();
  await door.start();
  door.ears?.onEnd("elsewhere");
  assert.equal(door.visit.state, "out");
  assert.deepEqual(door.waits, []);
  door.visit.again();
  await settled();
  assert.equal(door.visit.state, "inside");
});

test("after the end nothing happens any more", async () => {
  const door = new Door();
  await door.start();
  door.visit.stop();
  assert.equal(door.left, 1);
  door.ears?.onEnd("lost");
  await settled();
  assert.deepEqual(door.waits, []);
});

test("a token says whose eyes these are", () => {
  const token = (claims: object) => `x.${btoa(JSON.stringify(claims))}.x`;
  assert.equal(roleIn(token({ role: "candidate" })), "candidate");
  assert.equal(roleIn(token({ role: "proctor" })), "proctor");
  assert.equal(roleIn("nonsense"), "proctor");
});
