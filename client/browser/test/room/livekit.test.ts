import assert from "node:assert/strict";
import { test } from "node:test";
import { livekit } from "../../src/room/livekit.ts";

/** As much of a track as the script wants before it has a line. */
class Track extends EventTarget {
  static made: Track[] = [];
  readonly kind = "audio";
  readyState = "live";

  constructor() {
    super();
    Track.made.push(this);
  }

  clone(): Track {
    return new Track();
  }

  stop(): void {
    this.readyState = "ended";
  }

  getConstraints(): object {
    return {};
  }

  getSettings(): object {
    return {};
  }
}

test("who leaves before the room has taken the microphone's copy leaves none open", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  Object.assign(globalThis, { MediaStreamTrack: Track, MediaStream: class {} });
  const room = { provider: "livekit", token: "t", server: "ws://127.0.0.1:9" };
  const driver = livekit(room, "candidate", { onChange: () => {}, onEnd: () => {} });
  const ours = new Track();
  const spoken = driver.speak(ours as unknown as MediaStreamTrack);
  await new Promise((done) => setImmediate(done));
  driver.leave();
  const atOnce = Track.made.map(({ readyState }) => readyState);
  mock.timers.tick(15_000); // for so long the script waits for a line
  await assert.rejects(spoken, { name: "PublishTrackError" });
  assert.deepEqual(atOnce, ["live", "ended"]);
});
