/** English, for pages. The other languages have exactly these entries. */

export const pages = {
  product: "Undertone",
  promise: "Hears the second voice",
  tagline:
    "Undertone listens to an exam candidate’s room. When somebody else speaks, the proctors see who spoke when, and hear it, seconds later.",
  language: "Language",
  toHome: "Undertone, home",
  copy: "Copy",
  copied: "Copied",
  cancel: "Cancel",
  close: "Close",
  tryAgain: "Try again",

  newMeeting: "New meeting",
  meetingTitle: "Title",
  meetingTitleHint: "Candidates and proctors see it.",
  create: "Create meeting",
  creating: "Creating…",
  apiKey: "API key",
  apiKeyHint: "This server asks for one. It stays in this tab until you close it.",
  apiKeyKept: "The API key is kept in this tab.",
  forgetKey: "Use another one",

  meetings: "Meetings of this browser",
  meetingsHint:
    "Their keys are kept in this browser and nowhere else. Clear its data, and nobody can watch them from here.",
  noMeetings: "No meetings yet",
  noMeetingsHint: "Create one, send its link to the candidates, and watch.",
  created: (at: Date, lang: string): string =>
    `Created ${new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(at)}`,
  open: "Open",
  ended: "Ended",
  gone: "Not on this server any more",
  watch: "Watch",
  watchTitle: (title: string): string => `Watch: ${title}`,
  candidatesLink: "Candidates’ link",
  copyLink: "Copy candidates’ link",
  copyLinkOf: (title: string): string => `Copy candidates’ link: ${title}`,
  end: "End",
  endOf: (title: string): string => `End: ${title}`,
  remove: "Delete",
  removeOf: (title: string): string => `Delete: ${title}`,
  endQuestion: (title: string): string => `End “${title}”?`,
  endMeans: "Candidates stop recording. What they recorded is still judged, and proctors can go on reading.",
  endYes: "End meeting",
  removeQuestion: (title: string): string => `Delete “${title}”?`,
  removeMeans: "All its recordings, verdicts and notes are deleted from the server at once. This can’t be undone.",
  removeYes: "Delete meeting",

  runs: "What runs here",
  version: "Version",
  address: "Address",
  analysis: "Analysis",
  analysisWhere: { here: "On this machine", elsewhere: "On other machines (undertone worker)" },
  database: "Database",
  databaseWhich: { embedded: "PostgreSQL in the data folder", shared: "Shared PostgreSQL" },
  rooms: "Meeting provider",
  creatingIs: "Creating meetings",
  creatingHow: { open: "Open to everybody on this machine", key: "With the API key" },
  developers: "For developers",
  tryIt:
    "See it work: speech of two people is streamed as a candidate would, and what the proctors are pushed is printed.",
  createByHttp: "Create a meeting. The answer holds its admin_id, for proctors, and its join_secret, for candidates.",
  embed: "Put it into a page of your own.",
  protocol: "docs/protocol.md has every call and every message; GET /healthz and GET /readyz are for machines.",

  joining: "You are joining",
  joiningAs: (name: string): string => `You are ${name}`,
  joinTitle: (title: string): string => `Join ${title}`,
  yourName: "Your name",
  yourNameHint: "Your proctors see it.",
  next: "Continue",
  afterName: "Next you check your microphone. Nothing is recorded before you agree to it.",
  continueAs: (name: string): string => `Continue as ${name}`,
  somebodyElse: "I am somebody else",
  aboutRoom:
    "This exam has a video room. During the exam the proctors can listen to you live, and see you once you turn your camera on; other candidates can’t. Undertone keeps no video.",
  stay: "Keep this tab open until you finish. You may use other tabs and windows meanwhile.",
  looking: "One moment…",

  watching: (title: string): string => `Watching ${title}`,
  watchThis: "Watch this meeting",
  token: "Access token",
  tokenHint: "Whoever runs the meeting made it for you; the meeting’s admin_id works, too. It stays in this browser.",
  leave: "Forget my token",
  invite: "Invite a proctor",
  inviteHint: "They can hear this meeting’s recordings, and confirm or dismiss what was found.",
  proctorName: "Their name",
  makeToken: "Make a token",
  giveTo: (name: string): string => `For ${name}`,
  giveHint: (until: Date, lang: string): string =>
    `Send them both, privately. The token is shown only now, and opens the meeting until ${new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(until)}.`,
  page: "Page",
  shownAs: "Your name",
  setName: "Set your name",
  name: "Name",
  shownAsHint: "Other proctors see it beside what you decide.",
  save: "Save",

  trouble: {
    incomplete: {
      title: "This link is not complete",
      text: "Its end is missing. Open the whole link that you were sent, or ask for it again.",
    },
    unknown: {
      title: "There is no such meeting",
      text: "It may have been deleted, or a part of the link is missing. Ask whoever sent it to you.",
    },
    refused: {
      title: "This link does not open the meeting",
      text: "It may have been copied in part. Ask whoever sent it to you for the whole link.",
    },
    ended: { title: "This meeting has ended", text: "There is nothing left to do here. You can close this page." },
    revoked: {
      title: "Your access was withdrawn",
      text: "Whoever runs this meeting has shut this participant out. Ask them if that was meant.",
    },
    token: {
      title: "This token does not open this meeting",
      text: "It may have ended, or been copied in part. Copy all of it, or ask for a new one.",
    },
    elsewhere: {
      title: "This opens something else",
      text: "It is valid, but not for watching this meeting: a candidate’s, another meeting’s, or the server’s API key. Paste this meeting’s access token, or its admin_id.",
    },
    key: { title: "The API key is not right", text: "Check it, or ask whoever runs this server." },
    busy: { title: "Too many at once", text: "Many people are doing the same at this moment. Try again in a minute." },
    unreachable: {
      title: "The server can’t be reached",
      text: "Check your connection. If it works elsewhere, the server may be restarting: try again in a moment.",
    },
    other: { title: "That did not work", text: "Try again. If it stays so, tell whoever runs this server:" },
  },
};

/** What every language has for pages. */
export type PagesStrings = typeof pages;
