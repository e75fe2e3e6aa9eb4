/** The link over real sockets: which lines it leaves, and what it gives a line that is slow. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CandidateStream } from "../../src/shell/candidate.ts";
import { type LinkState, MAX_UNSENT_BYTES } from "../../src/shell/link.ts";
import { FRAME_BYTES, frames } from "../session/recording.ts";
import { sleep, until } from "../waiting.ts";
import { connected } from "./connected.ts";
import { Peer } from "./peer.ts";

test("a line without `ready` is left", async () => {
  await using it = await connected({ limits: { readyWithin: 200 } });
  const line = await it.peer.line();
  await line.closed;
  await it.peer.line();
  assert.equal(it.states[0]?.detail, "no `ready`");
});

test("a server that breaks the protocol is left, and asked again", async () => {
  await using it = await connected();
  const first = await it.peer.line();
  first.say({ type: "stored", offset: 7, window: 0 });
  await first.closed;
  const second = await it.peer.line();
  second.socket.send(new Uint8Array(3));
  await second.closed;
  await (await it.peer.line()).greet();
  await until(() => it.states.at(-1)!.connected);
  assert.match(it.states[0]!.detail!, /broke the protocol: `stored` in state greeting/);
  assert.match(it.states[1]!.detail!, /binary/);
});

test("a line that outlived a network is not trusted", async () => {
  await using it = await connected();
  const line = await it.peer.line();
  await line.greet();
  await until(() => it.states.length === 1);
  it.link.network(true);
  it.link.network(false);
  await sleep(20);
  assert.equal(it.peer.connections, 1);
  it.link.network(true);
  await line.closed;
  await it.peer.line();
});

test("after sleep the first sound finds a new line", async (context) => {
  await using it = await connected();
  const line = await it.peer.line();
  await line.greet();
  await until(() => it.states.length === 1);
  const now = Date.now.bind(Date);
  context.mock.method(Date, "now", () => now() + 3_600_000);
  it.session.record(frames(0, 10));
  it.link.poke();
  assert.equal(it.states[1]?.detail, "the machine slept");
  const next = await it.peer.line();
  await next.greet();
  await until(() => next.audio === 10 * FRAME_BYTES);
});

test("a server that does not read gets no more than fits, and the rest when it reads again", async (context) => {
  const opened: WebSocket[] = [];
  class Watched extends WebSocket {
    constructor(...[url, protocols]: ConstructorParameters<typeof WebSocket>) {
      super(url, protocols);
      opened.push(this);
    }
  }
  context.mock.property(globalThis, "WebSocket", Watched);
  await using it = await connected({}, 10 * 3_600_000);
  const line = await it.peer.line();
  await line.greet();
  await until(() => it.states.length === 1);
  line.socket.pause();
  const count = 300_000; // 15 MB: beyond what the system's buffers take
  for (let first = 0; first < count; first += 1000) {
    it.session.record(frames(first, 1000));
    it.link.poke();
    if (first % 10_000 === 0) await sleep(1);
    assert.ok(opened[0]!.bufferedAmount < MAX_UNSENT_BYTES + 70_000);
  }
  await sleep(200);
  assert.ok(opened[0]!.bufferedAmount >= MAX_UNSENT_BYTES, "it holds back");
  line.socket.resume();
  await until(() => line.audio === count * FRAME_BYTES, 15_000);
});

test("finished is over when the server closes, and when its close is lost", async () => {
  for (const closes of [true, false]) {
    const peer = await Peer.listening();
    const states: LinkState[] = [];
    const stream = new CandidateStream({
      server: peer.url,
      token: "t",
      random: () => 0,
      onConnection: (state) => states.push(state),
    });
    stream.start();
    stream.send(frames(0, 10));
    const line = await peer.line();
    await line.greet();
    stream.finish();
    assert.deepEqual(await line.said(), { type: "finish" });
    line.say({ type: "finished", offset: 10 * FRAME_BYTES, windows: 1 });
    if (closes) line.socket.close(1000);
    else await sleep(2_000);
    await until(() => states.at(-1)!.over);
    assert.equal(stream.finished?.windows, 1);
    assert.equal(stream.session.fault, null);
    peer.close();
  }
});
