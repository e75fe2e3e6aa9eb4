/**
 * Lends the sessions to another program, line by line: each line of stdin is `[method, ...arguments]`, each line of
 * stdout its result. Audio is base64, in `{audio}`; a fault comes as `{fault}`. The other program is the server's own
 * state machines, which are Python.
 */

import { createInterface } from "node:readline";
import { ChannelSession, ServerFault, StreamSession } from "../../src/index.ts";
import type { Review } from "../../src/wire/messages.ts";

let stream = new StreamSession("token");
let channel = new ChannelSession({ meeting: "m1", token: "token" });

const METHODS: Record<string, (...given: never[]) => unknown> = {
  "stream begin": (token: string, keepMs: number) => {
    stream = new StreamSession(token, { keepMs });
  },
  "stream record": (audio: string) => stream.record(Buffer.from(audio, "base64")),
  "stream lose": (ms: number) => stream.lose(ms),
  "stream finish": () => stream.finish(),
  "stream connect": () => stream.connect(),
  "stream next": () => {
    const message = stream.nextMessage();
    return message instanceof Uint8Array ? { audio: Buffer.from(message).toString("base64") } : message;
  },
  "stream receive": (text: string) => stream.receive(text),
  "stream refresh": (token: string) => stream.refresh(token),
  "stream closed": (code: number) => [stream.closed(code), stream.retryAfterMs, stream.fault],
  "stream look": () => {
    const { begin, end, released, keptMs } = stream.outbox;
    return { begin, end, released, keptMs, stream: stream.stream, finished: stream.finished };
  },
  "channel begin": (token: string) => {
    channel = new ChannelSession({ meeting: "m1", token });
  },
  "channel review": (review: Review) => channel.review({ ...review, type: "review" }),
  "channel connect": () => channel.connect(),
  "channel next": () => channel.nextMessage(),
  "channel receive": (text: string) => channel.receive(text),
  "channel settle": () => channel.settle(),
  "channel refresh": (token: string) => channel.refresh(token),
  "channel closed": (code: number) => [channel.closed(code), channel.retryAfterMs, channel.fault],
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line) as [string, ...never[]];
  let answer: unknown;
  try {
    answer = METHODS[method]!(...given) ?? null;
  } catch (error) {
    if (!(error instanceof ServerFault)) throw error;
    answer = { fault: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
