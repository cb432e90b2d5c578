// @ts-check
// Everything that the page says, in English. A translation is another module with the same keys.

export const strings = {
  appName: "llamactl",
  // the list of chats
  chats: "Chats",
  newChat: "New chat",
  searchChats: "Search chats",
  noChats: "Your chats appear here. They stay in this browser.",
  noneFound: "Nothing found",
  pinned: "Pinned",
  today: "Today",
  thisWeek: "This week",
  older: "Older",
  rename: "Rename",
  pin: "Pin",
  unpin: "Unpin",
  remove: "Delete",
  exportChat: "Export",
  chatActions: "Actions for {title}",
  untitled: "New chat",
  running: "is writing",
  finishedUnread: "finished",
  openList: "Show chats",
  closeList: "Hide chats",
  // a chat
  greeting: "What can I help with?",
  startHint: "{model} answers. What you write stays between this browser and its server.",
  suggestions: [
    "Explain recursion with a small example",
    "Write a haiku about the sea",
    "Compare TCP and UDP in a table",
    "Draft a friendly reminder about a meeting",
  ],
  messagePlaceholder: "Message the model",
  send: "Send",
  stop: "Stop",
  attach: "Attach files",
  removeAttachment: "Remove {name}",
  toEnd: "To the newest message",
  you: "You",
  assistant: "Assistant",
  toolResult: "Tool result",
  copy: "Copy",
  copied: "Copied",
  copyCode: "Copy code",
  edit: "Edit",
  regenerate: "Answer again",
  continueAnswer: "Continue",
  deleteMessage: "Delete this message and what follows",
  saveAndSend: "Send",
  saveOnly: "Save",
  cancel: "Cancel",
  editMessage: "Edit message",
  previousBranch: "Previous version",
  nextBranch: "Next version",
  branchOf: "{n} of {all}",
  thinking: "Thinking",
  thoughtFor: "Thought for {time}",
  taskDone: "done",
  taskOpen: "to be done",
  toolCall: "Tool call",
  toolArguments: "Arguments",
  giveResult: "Result of this call",
  sendResult: "Send result",
  waiting: "Waiting for a free slot",
  readingPrompt: "Reading the prompt: {percent} %",
  reconnecting: "The connection was lost. Reconnecting",
  stopped: "Stopped",
  cutOff: "This answer was cut off. Continue it, or ask again.",
  lengthReached: "The limit of tokens was reached.",
  answerReady: "Answer finished",
  answerReadyIn: "“{title}” has its answer",
  openIt: "Open",
  failed: "The request failed",
  // figures
  perSecond: "{n} tok/s",
  firstToken: "first token {time}",
  contextUsed: "{used} / {all} context",
  contextLabel: "Context used",
  tokens: "{n} tokens",
  // attachments
  noImages: "This model takes no images: {name} was left out.",
  noAudio: "This model takes no audio: {name} was left out.",
  notReadable: "{name} is not text, a PDF, or a picture or sound that the model takes.",
  noPdf: "{name}: reading PDF files needs a library that is not installed on this server.",
  pdfFailed: "{name} could not be read: {reason}",
  pastedText: "pasted text {n}.txt",
  dropHere: "Drop files to attach them",
  tooLarge: "{name} is larger than {limit} MB.",
  // server states
  loadingModel: "The model is loading",
  serverGone: "The server does not answer. Trying again",
  keyWrong: "The server wants an API key, or does not know this one.",
  enterKey: "Enter key",
  historyFailed: "Chats can't be kept in this browser: {reason}",
  // settings
  settings: "Settings",
  close: "Close",
  forAll: "All chats",
  forThis: "This chat",
  general: "General",
  sampling: "Sampling",
  penalties: "Penalties",
  answerForm: "Answers",
  tools: "Tools",
  data: "Data",
  theme: "Theme",
  themeSystem: "System",
  themeLight: "Light",
  themeDark: "Dark",
  apiKey: "API key",
  apiKeyHint: "Kept in this browser, sent to this server only.",
  systemPrompt: "System prompt",
  systemPromptHint: "What the model is told before every chat.",
  resetAll: "Back to defaults",
  jsonSchema: "JSON schema",
  jsonSchemaHint: "Answers are made to fit this schema.",
  toolsHint: "Tools in OpenAI's form, as a JSON array. You give the results.",
  badJson: "This is no valid JSON: {reason}",
  presets: "Presets",
  presetNone: "Choose a preset",
  presetSave: "Save as preset",
  presetName: "Name of the preset",
  presetRemove: "Delete preset",
  exportAll: "Export all chats",
  importChats: "Import chats",
  importedChats: "Chats imported: {n}",
  importFailed: "This file holds no exported chats.",
  deleteAll: "Delete all chats",
  deleteAllSure: "Delete all chats of this browser? This can't be undone.",
  deleteSure: "Delete “{title}”? This can't be undone.",
  // the status page
  status: "Server status",
  backToChats: "Back to chats",
  slots: "Slots",
  slot: "Slot {n}",
  slotIdle: "free",
  slotPrompt: "reading the prompt",
  slotDecode: "writing · {n} tokens",
  slotCached: "{percent} % cached",
  slotsOff: "The server was started with --no-slots.",
  metricsOff: "Start the server with --metrics to see charts of throughput and latency.",
  throughput: "Tokens per second, written",
  promptThroughput: "Tokens per second, read",
  latency: "Time to first token",
  busySlots: "Busy slots",
  lastMinutes: "last {n} min",
  atMost: "peak {value}",
  modelCard: "Model",
  cardName: "Name",
  cardParameters: "Parameters",
  cardSize: "Size",
  cardType: "Format",
  cardContext: "Context of a slot",
  cardTrained: "Context in training",
  cardSlots: "Slots",
  cardVocab: "Vocabulary",
  cardModalities: "Takes",
  cardTemplate: "Chat template",
  cardBuild: "Build",
  text: "text",
  images: "images",
  audio: "audio",
  showTemplate: "Show",
  // keys
  keys: "Keyboard",
  keyNewChat: "New chat",
  keySearch: "Search chats",
  keyCompose: "Write a message",
  keyStop: "Stop the answer",
  keySettings: "Settings",
  keyStatus: "Server status",
  keyList: "Show or hide the chats",
  keySend: "Send",
  keyLine: "New line",
  keyPrevious: "Chat above",
  keyNext: "Chat below",
  keyHelp: "This list",
};

/**
 * A text with its places filled: `say("branchOf", { n: 1, all: 2 })`.
 * @param {keyof typeof strings} key @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  return String(strings[key]).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** @param {number} n */
export const number = (n) => NUMBER.format(n);

/** @param {number} n */
export const compact = (n) => COMPACT.format(n);

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${number(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes >= 1e9 ? `${number(bytes / 1e9)} GB` : `${number(bytes / 1e6)} MB`;
}

/** Titles and names without marks that turn the text around them. @param {string} text */
export function tame(text) {
  return text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, "").replace(/\s+/g, " ").trim();
}
