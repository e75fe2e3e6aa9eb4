/**
 * A whole exam through the SDK, against a real server: `node exam.ts http://host:port recording.mp3 seconds`.
 *
 * Creates a meeting, lets a candidate stream the recording in so many seconds while two proctors watch, waits until
 * every window is judged, and lets one proctor confirm the first anomaly. Each line it writes is a JSON object: `stored`
 * for each window as the candidate hears of it, and at last `over` with everything that was seen.
 */

import { readFileSync } from "node:fs";
import { Api, CandidateStream, type ChannelEvent, ProctorChannel, type ProctorOptions } from "../../src/index.ts";
import { sleep, until } from "../waiting.ts";

const PIECES = 60;
const [server, recording, seconds] = process.argv.slice(2) as [string, string, string];
const patienceMs = 60_000;

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** A proctor who writes everything down. */
class Watcher {
  readonly snapshots: number[] = [];
  readonly events: ChannelEvent[] = [];
  readonly channel: ProctorChannel;

  constructor(who: Pick<ProctorOptions, "meeting" | "adminId" | "token" | "name">) {
    this.channel = new ProctorChannel({
      server,
      ...who,
      onSnapshot: (ready) => this.snapshots.push(ready.last_id),
      onEvent: (event) => this.events.push(event),
    });
    this.channel.start();
  }

  of<Kind extends ChannelEvent["kind"]>(kind: Kind): Extract<ChannelEvent, { kind: Kind }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<ChannelEvent, { kind: Kind }>[];
  }
}

const created = await new Api(server).createMeeting("Algebra");
const meeting = created.data.id;
const invited = await new Api(server, created.admin_id).inviteProctor(meeting, "Bob");
const first = new Watcher({ meeting, adminId: created.admin_id, name: "Eve" });
const second = new Watcher({ meeting, token: invited.token });
await until(() => first.snapshots.length === 1 && second.snapshots.length === 1, patienceMs);

const candidate = await new Api(server, created.join_secret).join(meeting, { name: "Ada" });
let acknowledged = 0;
let connections = 0;
let over = false;
const stream = new CandidateStream({
  server,
  token: candidate.token,
  onMessage: (message) => {
    if (message.type !== "stored") return;
    acknowledged = message.offset;
    tell({ stored: message.window });
  },
  onConnection: (state) => {
    connections += Number(state.connected);
    over = state.over;
  },
});
stream.start();
const mp3 = new Uint8Array(readFileSync(recording));
const size = Math.ceil(mp3.length / PIECES);
for (let at = 0; at < mp3.length; at += size) {
  stream.send(mp3.subarray(at, at + size));
  await sleep((Number(seconds) * 1000) / PIECES);
}
stream.finish();
await until(() => over, patienceMs);
if (!stream.finished) throw new Error(JSON.stringify(stream.session.fault));

const { finished } = stream;
await until(() => first.of("window_judged").length === finished.windows, patienceMs);
const found = first.of("anomaly_opened")[0]!.anomaly;
const reviewed = await first.channel.review(found.id, "confirmed", "a second voice");
const last = first.channel.cursor!.id;
await until(() => second.channel.cursor!.id >= last, patienceMs);
first.channel.stop();
second.channel.stop();
tell({
  over: {
    meeting,
    participant: candidate.id,
    stream: stream.session.stream,
    finished: [finished.offset, finished.windows],
    acknowledged,
    connections,
    reviewed,
    proctors: [first, second].map(({ snapshots, events }) => ({ snapshots, events })),
  },
});
