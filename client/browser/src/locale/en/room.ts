/** English, for room. The other languages have exactly these entries. */

import type { Ending } from "../../room/driver.ts";

const out: Record<Exclude<Ending, "lost">, string> = {
  removed: "You are no longer in the video room.",
  elsewhere: "The video room is open in another tab.",
  closed: "The video room is closed.",
};

export const room = {
  title: "Video room",
  about: {
    server:
      "This exam has a video room. During the exam the proctors can listen to you live, and see you once you turn your camera on; other candidates can’t. Undertone keeps no video.",
    page: "This exam has a video room. During the exam the proctors can listen to you live, and see you once you turn your camera on. Our page shows you to proctors alone; a candidate who tampers with it could see and hear you. Undertone keeps no video.",
  },
  entering: "Connecting…",
  away: "The video room can’t be reached for now. It is tried again by itself.",
  examGoesOn: "Your exam goes on, and your microphone is recorded as before.",
  hearingGoesOn: "What the sidebar shows goes on coming in as before.",
  again: "Try now",
  out,
  back: "Open it here",
  you: "You",
  proctor: "Proctor",
  nobody: "Nobody else is here yet.",
  noProctor: "No proctor is here at the moment.",
  people: "In the room",
  show: "Show",
  hide: "Hide",
  camera: { on: "Turn the camera on", off: "Turn the camera off" },
  microphone: { on: "Unmute yourself", off: "Mute yourself" },
  seen: {
    server: "The proctors see you while your camera is on; other candidates don’t.",
    page: "The proctors see you while your camera is on. Our page shows you to proctors alone; a candidate who tampers with it could see and hear you.",
  },
  mutedCandidate: "Muted in the video room. Undertone still hears you: the exam is recorded all the time.",
  mutedHere: "Muted",
  speaks:
    "Candidates hear you while you are unmuted. Through a loudspeaker your voice is a second voice in their room.",
  listen: (name: string): string => `Listen to ${name}`,
  listening: (name: string): string => `Stop listening to ${name}`,
  cameraOf: (name: string): string => `Camera of ${name}`,
  noCamera: "The camera can’t be opened. Allow it for this page in the address bar, or close the program that uses it.",
  noMicrophone: "The microphone can’t be opened. Allow it for this page in the address bar.",
  notTaken: "The video room did not take that. Try again.",
  sound: "The browser holds the sound back.",
  soundOn: "Turn the sound on",
};

/** What every language has for room. */
export type RoomStrings = typeof room;
