/** Arabic, for the proctor's sidebar. */

import type { SidebarStrings } from "../en/sidebar.ts";
import { ago, brief, clock, duration, isolated, moment, number, plural, position, sureness } from "../intl.ts";

const LANG = "ar";
const n = (value: number): string => number(LANG, value);
const windows = (count: number): string =>
  plural(LANG, count, {
    zero: "لا نوافذ",
    one: "نافذة واحدة",
    two: "نافذتان",
    few: "# نوافذ",
    many: "# نافذة",
    other: "# نافذة",
  });
const anomalies = (count: number): string =>
  plural(LANG, count, {
    zero: "لا ملاحظات",
    one: "ملاحظة واحدة",
    two: "ملاحظتان",
    few: "# ملاحظات",
    many: "# ملاحظة",
    other: "# ملاحظة",
  });

export const sidebar: SidebarStrings = {
  number: n,
  sureLong: (confidence) => sureness(LANG, confidence),
  seconds: (ms) => brief(LANG, ms),
  position: (ms) => position(LANG, ms),
  clock: (at) => clock(LANG, at),
  moment: (at) => moment(LANG, at),
  ago: (at, now) => ago(LANG, at, now),
  separator: "، ", // a dot would read as a zero
  times: (rate) => `${n(rate)}×`,

  lines: {
    connecting: "جارٍ الاتصال",
    live: "مباشر",
    down: "إعادة الاتصال",
    over: "غير متصل",
    ended: "انتهى الاجتماع",
  },
  down: "انقطع الاتصال.",
  downMeans: "قد يكون المعروض قديمًا. يعود الاتصال تلقائيًا ولا يُفقد شيء.",
  downAtFirst: "جارٍ محاولة الوصول إلى الخادم.",
  back: (ms) => `عاد الاتصال بعد ${duration(LANG, ms)}.`,
  missed: (events, count) =>
    `في الأثناء: ${plural(LANG, events, {
      zero: "لا أحداث",
      one: "حدث واحد",
      two: "حدثان",
      few: "# أحداث",
      many: "# حدثًا",
      other: "# حدث",
    })}، ${count === 0 ? "لا ملاحظات جديدة" : `${anomalies(count)} من الجديد`}.`,
  gotIt: "إغلاق هذه الرسالة",
  faults: (code) =>
    ({
      unreachable: "تعذّر الوصول إلى الخادم.",
      unauthorized: "هذا الرابط أو الرمز غير صالح.",
      token_expired: "انتهت صلاحية دخولك.",
      forbidden: "هذا غير متاح لك.",
      revoked: "أُلغيت صلاحية دخولك.",
      not_found: "هذا غير موجود أو حُذف.",
      meeting_ended: "انتهى الاجتماع.",
      rate_limited: "طلبات كثيرة؛ حاول بعد لحظات.",
      unavailable: "الخادم مشغول؛ حاول بعد لحظات.",
    })[code] ?? "تعذّر تنفيذ ذلك.",

  options: "الخيارات",
  sound: "الصوت",
  soundMeans: "رنّة خفيفة عند كل ملاحظة جديدة",
  notify: "الإشعارات",
  notifyMeans: "من المتصفح حين تنظر إلى مكان آخر",
  notifyRefused: "لا يسمح المتصفح لهذه الصفحة بالإشعارات",
  keys: "↑ و ↓ للتنقل في القائمة، و J و K بين الملاحظات. المسافة للتشغيل، و ← و → للتنقل بين المقاطع.",
  views: "العروض",

  candidates: "المرشحون",
  search: "البحث عن مرشح",
  searchHint: "بحث",
  sortBy: "الترتيب حسب",
  sorts: { name: "حسب الاسم", state: "حسب الحالة", anomalies: "حسب الملاحظات", outcome: "حسب آخر نتيجة" },
  filterByState: "التصفية حسب الحالة",
  allStates: (count) => `كل الحالات (${n(count)})`,
  stateCount: (state, count) => `${state} (${n(count)})`,
  withAnomalies: "مع ملاحظات",
  found: (count) =>
    plural(LANG, count, {
      zero: "لم يُعثر على مرشحين",
      one: "عُثر على مرشح واحد",
      two: "عُثر على مرشحَين",
      few: "عُثر على # مرشحين",
      many: "عُثر على # مرشحًا",
      other: "عُثر على # مرشح",
    }),
  noneFound: "لا شيء يطابق.",
  clearFilters: "إزالة التصفية",
  nobody: "لم ينضم أحد بعد",
  nobodyYet: "يظهر المرشحون هنا فور فتحهم الرابط.",
  loading: "جارٍ التحميل…",
  states: {
    joined: "انضمّ",
    streaming: "يبثّ",
    degraded: "بثّ متقطع",
    silent: "صامت",
    lost: "انقطع اتصاله",
    finished: "أنهى",
    revoked: "أُلغي",
  },
  outcomes: {
    clean: "كما هو متوقع",
    silent: "بلا صوت",
    unclear: "غير واضح",
    multiple_voices: "عدة أصوات",
    voice_changed: "تغيّر الصوت",
    failed: "لم يُحلَّل",
  },
  because: (outcome, reason) => `${outcome}: ${isolated(reason)}`,
  noOutcome: "لا نتيجة بعد",
  anomalies,
  openOnes: (count) => `${n(count)} مفتوحة`,
  strip: "الامتحان حتى الآن",
  stripOf: (facts) => `الامتحان حتى الآن بالنوافذ: ${facts.join("، ")}`,
  spans: {
    clean: (count) => `${n(count)} كما هو متوقع`,
    voices: (count) => `${n(count)} بصوت آخر`,
    silent: (count) => `${n(count)} بلا صوت`,
    unclear: (count) => `${n(count)} غير واضحة`,
    failed: (count) => `${n(count)} لم تُحلَّل`,
    missing: (ms) => `${duration(LANG, ms)} مفقودة`,
    waiting: (count) => `${n(count)} قيد الانتظار`,
  },
  externalId: "المعرّف الخارجي",
  expectedVoices: "الأصوات المتوقعة",
  fewerVoices: "توقّع صوتًا أقل",
  moreVoices: "توقّع صوتًا إضافيًا",
  showAnomalies: (count) => `عرض ${anomalies(count)}`,
  revoke: "إلغاء",
  revokeSure: (name) => `إيقاف تسجيل ${isolated(name)}؟`,
  letIn: "السماح بالدخول مجددًا",
  cancel: "تراجع",

  anomaliesTitle: "الملاحظات",
  filterByReview: "التصفية حسب القرار",
  reviews: { open: "مفتوحة", confirmed: "مؤكدة", dismissed: "مستبعدة", all: "الكل" },
  showEverybody: "عرض الجميع",
  showAll: (count) => `عرض الكل (${n(count)})`,
  noAnomalies: "لا ملاحظات",
  noAnomaliesYet: "حين تُسمع أصوات أكثر من المتوقع، أو صوت آخر، يظهر ذلك هنا خلال ثوانٍ.",
  allDecided: "لا شيء مفتوح: لكل ملاحظة قرار.",
  newOnes: (count) => `${n(count)} جديدة`,
  fresh: "جديد",
  heard: (kind, voices, otherMs) => {
    if (kind === "voice_changed") return `صوت مختلف، ${brief(LANG, otherMs)}`;
    const further = plural(LANG, voices - 1, {
      one: "صوت ثانٍ",
      two: "صوتان آخران",
      few: "# أصوات أخرى",
      many: "# صوتًا آخر",
      other: "# صوت آخر",
    });
    return `${further}، ${brief(LANG, otherMs)}`;
  },
  heardLong: (kind, voices, expected, otherMs) => {
    const heard = plural(LANG, voices, {
      one: "سُمع صوت واحد",
      two: "سُمع صوتان",
      few: "سُمعت # أصوات",
      many: "سُمع # صوتًا",
      other: "سُمع # صوت",
    });
    if (kind === "voice_changed") {
      const which = voices === 1 ? "وهو" : "وأكثرها كلامًا";
      return `${heard} مدة ${duration(LANG, otherMs)}، ${which} يختلف عن الصوت المسموع من قبل.`;
    }
    const wanted = expected === null ? "" : `، والمتوقع ${n(expected)}`;
    return `${heard}${wanted}. تحدثت أصوات غير الصوت الرئيسي مدة ${duration(LANG, otherMs)}.`;
  },
  sureShort: (confidence) => `الثقة ${sureness(LANG, confidence)}`,
  windowCount: windows,
  announced: (count, name) =>
    count === 1 ? `ملاحظة جديدة: ${isolated(name)}` : `من الجديد ${anomalies(count)}، آخرها: ${isolated(name)}`,

  evidence: "من تحدّث ومتى",
  heardBefore: "الصوت المسموع من قبل",
  noneToPick: "يظهر هنا من تحدّث ومتى، حين يوجد ما يُسمع.",
  pickOne: "اختر ملاحظة لتسمعها وترى من تحدّث ومتى.",
  close: "إغلاق",
  when: "سُجّل",
  sure: "درجة الثقة",
  heardIn: (count) => `سُمع في ${windows(count)}`,
  moreWindows: (count) => `${windows(count)} إضافية محسوبة وغير معروضة.`,

  player: "التسجيل",
  place: "الموضع في التسجيل",
  placeOf: (ms, labels) =>
    `${position(LANG, ms)}، ${labels.length === 0 ? "لا أحد يتحدث" : `يتحدث الصوت ${labels.join(" و ")}`}`,
  loadingClip: "جارٍ تحميل التسجيل…",
  cannotPlay: "تعذّر تشغيل هذا التسجيل.",
  play: "تشغيل",
  pause: "إيقاف مؤقت",
  previousTurn: "المقطع السابق",
  nextTurn: "المقطع التالي",
  speed: "السرعة",
  turnList: (count) =>
    plural(LANG, count, {
      zero: "لا مقاطع",
      one: "مقطع واحد في قائمة",
      two: "مقطعان في قائمة",
      few: "# مقاطع في قائمة",
      many: "# مقطعًا في قائمة",
      other: "# مقطع في قائمة",
    }),

  decision: "القرار",
  note: "ملاحظة مكتوبة",
  notePlaceholder: "اختيارية. يراها المراقبون الآخرون.",
  confirm: "تأكيد",
  dismiss: "استبعاد",
  undo: "تراجع عن القرار",
  sending: "جارٍ الإرسال…",
  decidedBy: (decision, by) =>
    `${{ open: "أعاد فتحها", confirmed: "أكّدها", dismissed: "استبعدها" }[decision]} ${isolated(by)}`,
  said: (name, fact) => `${isolated(name)}: ${fact}`,
  decisionFailed: (why) => `لم يُحفظ: ${why}`,
};
