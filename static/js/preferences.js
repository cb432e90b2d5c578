// @ts-check
// What belongs to this browser and not to a chat: key, theme, settings of all chats, presets. In localStorage.

const PREFIX = "llamactl.";

/** @param {string} name @param {any} fallback */
function read(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null") ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} name @param {any} value */
function write(name, value) {
  try {
    if (value == null || value === "") localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage may be full or forbidden; the page goes on with what it has
  }
}

/** Settings that the server hands out (`--webui-config`), below those of the user. @type {Record<string, any>} */
let given = {};

export const preferences = {
  get key() {
    return /** @type {string} */ (read("key", ""));
  },
  set key(value) {
    write("key", value);
  },

  /** "system", "light" or "dark" */
  get theme() {
    return /** @type {string} */ (read("theme", given.theme ?? "system"));
  },
  set theme(value) {
    write("theme", value);
    showTheme();
  },

  /** Settings of all chats, as far as the user chose any. @returns {Record<string, any>} */
  get settings() {
    return read("settings", {});
  },
  set settings(value) {
    write("settings", value);
  },

  /** Sets of settings by their names. @returns {Record<string, Record<string, any>>} */
  get presets() {
    return read("presets", {});
  },
  set presets(value) {
    write("presets", value);
  },

  /** Whether the list of chats is folded away on wide screens. */
  get isFolded() {
    return Boolean(read("folded", false));
  },
  set isFolded(value) {
    write("folded", value);
  },
};

/** Take the server's settings. The names of llama-server's own page hold, too. @param {Record<string, any>} settings */
export function takeGiven(settings) {
  const { systemMessage, ...rest } = settings;
  given = systemMessage === undefined ? rest : { system: systemMessage, ...rest };
  showTheme();
}

/** @returns {Record<string, any>} */
export function givenSettings() {
  return given;
}

export function showTheme() {
  const theme = preferences.theme;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
