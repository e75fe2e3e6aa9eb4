/** The microphone and the way from it to whoever takes its samples. Notices everything that can happen to it. */

import { defaultGroup, takes } from "./device.ts";
import { refusal, type Trouble, Unloadable } from "./trouble.ts";

/** What the browser may do to the sound before anybody gets it. */
export interface Processing {
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
}

/** Chosen by measuring: docs/browser.md, "What the browser does to a faint second voice". */
export const DEFAULT_PROCESSING: Processing = {
  echoCancellation: false,
  noiseSuppression: true,
  autoGainControl: true,
};

/** 48 kHz whatever the device: the browser brings it there, better than LAME would. */
const SAMPLE_RATE = 48000;
const RETRY_MS = 3000;
/**
 * Nobody waits for the sound, so the audio thread may work ahead. Measured in Chromium 150 on two cores with 25 processes
 * that wanted them, lost of 75 s: "interactive" 7.8 s, "playback" 6.1, 0.2 s less than 0.2.
 */
export const LATENCY_S = 0.2;

export class Microphone {
  /** Null while all is well. */
  trouble: Trouble | null = null;
  #processing: Processing;
  #workletUrl: string;
  #onChange: () => void;
  #context: AudioContext | undefined;
  #tap: AudioWorkletNode | undefined;
  #take: ((samples: MessagePort) => void) | undefined;
  #rate = SAMPLE_RATE;
  #source: MediaStreamAudioSourceNode | undefined;
  #track: MediaStreamTrack | undefined;
  #chosen: string | undefined; // deviceId
  #group: string | undefined; // which device stood behind "default" when it was opened
  #permission: PermissionStatus | undefined;
  #opening = false;
  #again = false; // something happened meanwhile
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `onChange`: trouble came or went, or another device is in use. */
  constructor(workletUrl: string, processing: Processing, onChange: () => void) {
    this.#workletUrl = workletUrl;
    this.#processing = processing;
    this.#onChange = onChange;
  }

  /** Samples a second of what is posted. */
  get sampleRate(): number {
    return this.#rate;
  }

  /** Whether samples can be sent somewhere: a microphone was opened at least once. */
  get ready(): boolean {
    return this.#tap !== undefined;
  }

  /** The track in use, as the device gives it; null while there is none. Whoever else needs the sound clones it. */
  get track(): MediaStreamTrack | null {
    return this.#track ?? null;
  }

  /** deviceId of the microphone in use. */
  get device(): string | undefined {
    return this.#track?.getSettings().deviceId;
  }

  /** Asks for the microphone, best on a click. Whether there is one now is in `trouble`. Not twice. */
  async open(device?: string): Promise<void> {
    this.#chosen = device;
    if (!navigator.mediaDevices?.getUserMedia) return this.#set("insecure");
    navigator.mediaDevices.addEventListener("devicechange", this.#devicesChanged);
    await this.#watchPermission();
    await this.#acquire();
  }

  /** Another device; its `deviceId`. */
  async choose(device: string): Promise<void> {
    this.#chosen = device;
    await this.#acquire();
  }

  /** The microphones that there are; they have names once one was opened. */
  async devices(): Promise<MediaDeviceInfo[]> {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return all.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "");
  }

  /**
   * From now on, blocks of samples (Float32Array) come out of the port that `take` is given: at once, and again should
   * the browser's audio have to be built anew.
   */
  sendTo(take: (samples: MessagePort) => void): void {
    this.#take = take;
    this.#wire();
  }

  /** The click that `asleep` and the refusals wait for. */
  async wake(): Promise<void> {
    await this.#resume();
    // It is closed, or its output device is gone for good.
    if (this.#context && this.#context.state !== "running") this.#letContextGo();
    if (this.#track?.readyState !== "live" || !this.#context) await this.#acquire();
    else this.#look();
  }

  /** Plays samples, for whoever wants to hear themselves. Resolves at the end. */
  play(samples: Float32Array<ArrayBuffer>): Promise<void> {
    const context = this.#context!;
    const buffer = context.createBuffer(1, Math.max(1, samples.length), context.sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.start();
    return new Promise((resolve) => {
      source.onended = () => resolve();
    });
  }

  /** Lets the microphone go. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    navigator.mediaDevices?.removeEventListener("devicechange", this.#devicesChanged);
    if (this.#permission) this.#permission.onchange = null;
    this.#release();
    this.#letContextGo();
  }

  // --- the way of the samples

  #wire(): void {
    if (!this.#take || !this.#tap) return;
    const { port1, port2 } = new MessageChannel();
    this.#tap.port.postMessage(port1, [port1]);
    this.#take(port2);
  }

  /** Resolves at the latest after a moment: a browser that wants a click first leaves it pending. */
  async #resume(): Promise<void> {
    const pause = new Promise<void>((done) => setTimeout(done, 500));
    // What is closed can't be resumed; its state says so.
    await Promise.race([this.#context?.resume().catch(() => {}), pause]);
  }

  #letContextGo(): void {
    const context = this.#context;
    this.#context = undefined;
    this.#tap?.port.postMessage(null);
    this.#tap = undefined;
    if (!context) return;
    context.onstatechange = null;
    if (context.state !== "closed") void context.close();
  }

  /** The context is made when there is a stream: Firefox joins a microphone only with a context of its own rate. */
  async #makeContext(stream: MediaStream): Promise<void> {
    let context = new AudioContext({ sampleRate: this.#rate, latencyHint: LATENCY_S });
    if (!takes(context, stream)) {
      void context.close();
      context = new AudioContext({ latencyHint: LATENCY_S });
    }
    try {
      await context.audioWorklet.addModule(this.#workletUrl);
    } catch (error) {
      void context.close();
      throw new Unloadable(String(error));
    }
    this.#tap = new AudioWorkletNode(context, "undertone-tap", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1],
    });
    // Its output is silence; without a way to the speakers Safari would not run it.
    this.#tap.connect(context.destination);
    context.onstatechange = () => this.#look();
    this.#context = context;
    this.#rate = context.sampleRate; // whoever takes the samples asks for it
    this.#wire();
  }

  // --- the device

  async #acquire(): Promise<void> {
    if (this.#closed) return;
    if (this.#opening) {
      this.#again = true;
      return;
    }
    this.#opening = true;
    this.#again = false;
    clearTimeout(this.#retry);
    let track: MediaStreamTrack | undefined;
    try {
      const stream = await this.#ask();
      track = stream.getAudioTracks()[0]!;
      if (this.#closed) return;
      this.#release();
      if (this.#context && !takes(this.#context, stream)) this.#letContextGo();
      if (!this.#context) await this.#makeContext(stream);
      if (this.#closed) return this.#letContextGo();
      this.#source = this.#context!.createMediaStreamSource(stream);
      this.#source.connect(this.#tap!);
      this.#adopt(track);
      await this.#rememberDefault();
      await this.#resume();
      this.#look();
    } catch (error) {
      this.#set(refusal(error));
      // A device that is away comes back with `devicechange`; one that is busy says nothing when it is free.
      if (this.trouble !== "denied") this.#retry = setTimeout(() => void this.#acquire(), RETRY_MS);
    } finally {
      this.#opening = false;
      if (track !== this.#track) track?.stop();
    }
    if (this.#again) await this.#devicesChanged();
  }

  /** The chosen device, or the system's own choice while that is away. */
  async #ask(): Promise<MediaStream> {
    const audio: MediaTrackConstraints = { ...this.#processing, channelCount: 1 };
    if (this.#chosen !== undefined) {
      const there = (await this.devices()).some(({ deviceId }) => deviceId === this.#chosen);
      if (there) audio.deviceId = { exact: this.#chosen };
    }
    return navigator.mediaDevices.getUserMedia({ audio });
  }

  #adopt(track: MediaStreamTrack): void {
    this.#track = track;
    track.onmute = track.onunmute = () => this.#look();
    track.onended = () => {
      this.#release();
      this.#set("unplugged");
      void this.#acquire();
    };
  }

  /** Without a source the worklet posts nothing: what is missing shows as missing, not as silence. */
  #release(): void {
    this.#source?.disconnect();
    this.#source = undefined;
    if (!this.#track) return;
    this.#track.onended = this.#track.onmute = this.#track.onunmute = null;
    this.#track.stop();
    this.#track = undefined;
  }

  readonly #devicesChanged = async (): Promise<void> => {
    const devices = await this.devices();
    const current = this.device;
    const chosenIsBack = this.#chosen !== current && devices.some(({ deviceId }) => deviceId === this.#chosen);
    const gone = !devices.some(({ deviceId }) => deviceId === current);
    const otherDefault = current === "default" && this.#group !== defaultGroup(devices);
    if (!this.#track || chosenIsBack || gone || otherDefault) await this.#acquire();
    this.#onChange();
  };

  async #rememberDefault(): Promise<void> {
    this.#group = defaultGroup(await this.devices());
  }

  /** Chrome and Firefox tell of a permission that was given back; Safari ends the track alone. */
  async #watchPermission(): Promise<void> {
    try {
      this.#permission = await navigator.permissions.query({ name: "microphone" as PermissionName });
    } catch {
      return; // a browser that does not know this permission
    }
    this.#permission.onchange = () => {
      if (this.#permission?.state === "granted" && !this.#track) void this.#acquire();
      if (this.#permission?.state === "denied") {
        this.#release();
        this.#set("denied");
      }
    };
  }

  #look(): void {
    if (this.#closed || !this.#track) return;
    if (this.#context?.state !== "running") {
      this.#set("asleep");
      void this.#resume();
    } else this.#set(this.#track.muted ? "muted" : null);
  }

  #set(trouble: Trouble | null): void {
    if (this.#closed) return;
    this.trouble = trouble;
    this.#onChange();
  }
}
