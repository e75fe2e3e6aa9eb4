/**
 * The page of `python -m tests.browser.processing`: opens the microphone with one combination of the browser's three
 * kinds of processing, and records it as the recorder does.
 */

import { Mp3Encoder } from "../src/recorder/encoder.ts";
import { LATENCY_S } from "../src/recorder/microphone.ts";

const RATE = 48000;

export interface Recording {
  settings: MediaTrackSettings;
  mp3: string; // base64
}

/** Starts; `end` of what it resolves to ends it. */
async function record(processing: MediaTrackConstraints): Promise<{ end(): Recording }> {
  const encoder = await Mp3Encoder.create(new Uint8Array(await (await fetch("mp3.wasm")).arrayBuffer()), RATE);
  const context = new AudioContext({ sampleRate: RATE, latencyHint: LATENCY_S });
  await context.audioWorklet.addModule("worklet.js");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...processing, channelCount: 1 } });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const tap = new AudioWorkletNode(context, "undertone-tap", { channelCount: 1, channelCountMode: "explicit" });
  const channel = new MessageChannel();
  channel.port2.onmessage = (event: MessageEvent<Float32Array>) => void parts.push(encoder.encode(event.data));
  tap.port.postMessage(channel.port1, [channel.port1]);
  context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
  const end = (): Recording => {
    parts.push(encoder.finish().rest);
    let bytes = "";
    for (const part of parts) for (const byte of part) bytes += String.fromCharCode(byte);
    return { settings: stream.getAudioTracks()[0]!.getSettings(), mp3: btoa(bytes) };
  };
  return { end };
}

/** Encodes a minute as fast as it goes. Resolves to ms of work for a second of sound. */
async function cost(): Promise<number> {
  const encoder = await Mp3Encoder.create(new Uint8Array(await (await fetch("mp3.wasm")).arrayBuffer()), RATE);
  const samples = Float32Array.from({ length: 2048 }, (_, i) => 0.2 * Math.sin(i / 20) + 0.02 * (Math.random() - 0.5));
  const play = (seconds: number): void => {
    for (let at = 0; at < seconds * RATE; at += samples.length) encoder.encode(samples);
  };
  play(10); // compiled and warm
  const begun = performance.now();
  play(60);
  return (performance.now() - begun) / 60;
}

Object.assign(globalThis, { record, cost });
