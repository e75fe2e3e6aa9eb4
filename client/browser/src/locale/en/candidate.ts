/** English, for candidate. The other languages have exactly these entries. */

import type { Verdict } from "../../recorder/level.ts";
import type { Trouble } from "../../recorder/trouble.ts";
import { clock, duration, inDays } from "../intl.ts";

const LANG = "en";

const verdict: Record<Verdict, { title: string; advice: string }> = {
  good: { title: "Your microphone is good", advice: "You are clearly heard." },
  too_quiet: {
    title: "Too quiet",
    advice: "Come closer to the microphone, or turn its level up in the system’s settings.",
  },
  noisy: { title: "Noisy", advice: "Something is almost as loud as you. Close the window, turn off a fan or music." },
  no_sound: { title: "No sound", advice: "Nothing arrives. Is it muted, or is another microphone the right one?" },
};

const trouble: Record<Trouble, string> = {
  denied: "The microphone is blocked. Allow it for this page in the address bar, then go on.",
  none: "No microphone was found. Connect one, then go on.",
  busy: "The microphone can’t be opened. Close the program that uses it, then go on.",
  insecure: "This page can’t use a microphone: it must be opened with https.",
  unplugged: "The microphone is gone. Connect it again; the recording goes on by itself.",
  muted: "The microphone is muted by your computer. Unmute it.",
  unloadable: "A part of this page can’t be loaded. Is this computer online? Reload the page.",
  asleep: "The browser has paused the microphone. One click lets it go on.",
};

export const candidate = {
  consent: {
    title: "Before the exam begins",
    what: "What is recorded",
    whatText: "Your microphone, from the start of the exam until you finish. No camera and no screen.",
    how: "How long it is kept",
    howText: (retention: number): string =>
      `Each minute is checked by a computer for voices other than yours, and deleted as soon as nothing was found. A minute with a finding, or that could not be judged, is kept for up to ${inDays(LANG, retention)}. What your voice is like, in numbers that tell it from others, is kept until the exam has ended.`,
    who: "Who hears it",
    whoText:
      "Only the proctors of this exam, and only the minutes that are kept. A person decides what it means, not the computer.",
    agree: "I agree, go on to the microphone",
    asks: "Your browser will ask whether this page may use the microphone.",
  },
  check: {
    title: "Check the microphone",
    device: "Microphone",
    unnamed: (number: number): string => `Microphone ${number}`,
    level: "Level",
    read: "Read aloud, as loud as you would speak to yourself:",
    sentence: "The quick brown fox jumps over the lazy dog, and then it sleeps until the bell rings.",
    record: "Start the check",
    again: "Check again",
    speaking: (left: number): string => `Speak now: ${duration(LANG, left * 1000)}`,
    listen: "Hear yourself",
    playing: "Playing…",
    verdict,
    start: "Start the exam",
    startAnyway: "Start the exam anyway",
  },
  exam: {
    label: "Microphone recording",
    starting: "Starting…",
    recording: "Recording",
    since: (at: Date): string => `since ${clock(LANG, at.getTime())}`,
    reconnecting: "Reconnecting. Nothing is lost: the recording is kept here and sent afterwards.",
    full: "Reconnecting. The last 15 minutes are kept here and sent afterwards; what was before them is lost.",
    silent: "The microphone is silent. Is it muted, or unplugged?",
    trouble,
    go: "Go on",
    finish: "Finish",
    sure: "Finish the exam’s recording?",
    yes: "Yes, finish",
    no: "Keep recording",
  },
  finishing: {
    title: "One moment",
    sending: (ms: number): string =>
      `The last ${duration(LANG, Math.max(1000, ms))} are being sent. Please keep this page open.`,
    waiting: "Waiting for the connection. Please keep this page open: what is not yet sent is only here.",
  },
  finished: { title: "Finished", text: "The whole recording has arrived. You may close this page." },
  elsewhere: {
    title: "The exam goes on in another tab",
    text: "It was opened there after this one, so this tab has stopped recording. You may close it.",
    back: "Go on here instead",
  },
  failed: {
    title: "The recording has stopped",
    again: "Try again",
    ended: "This exam has ended.",
    revoked: "Your access to this exam was withdrawn. Ask the organiser.",
    unauthorized: "Your link is not valid for this exam. Ask the organiser for a new one.",
    unreachable: "The server can’t be reached. Is this computer online?",
    unsupported: "This browser can’t record here. Use a current Chrome, Edge, Firefox or Safari.",
    unloadable: "A part of this page can’t be loaded. Is this computer online? Try again, or reload the page.",
    other: (detail: string): string => `The server says: ${detail}`,
  },
};

/** What every language has for candidate. */
export type CandidateStrings = typeof candidate;
