// @ts-check
// The browser's database and its versions. Data of every earlier version is carried over by the steps below.

export const NAME = "llamactl";

/**
 * What leads from version i to i + 1. Steps are never changed once they are out, only added to.
 * @type {((database: IDBDatabase, transaction: IDBTransaction) => void)[]}
 */
export const STEPS = [
  (database) => {
    database.createObjectStore("chats", { keyPath: "id" });
    database.createObjectStore("messages", { keyPath: "id" });
  },
  // messages are found by their chat; chats know whether they are pinned
  (_database, transaction) => {
    transaction.objectStore("messages").createIndex("chat", "chat");
    const walk = transaction.objectStore("chats").openCursor();
    walk.onsuccess = () => {
      const cursor = walk.result;
      if (!cursor) return;
      cursor.update({ isPinned: false, system: null, settings: {}, ...cursor.value });
      cursor.continue();
    };
  },
];

/** @returns {Promise<IDBDatabase>} */
export function openDatabase() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, STEPS.length);
    asked.onupgradeneeded = (event) => {
      const transaction = /** @type {IDBTransaction} */ (asked.transaction);
      for (const step of STEPS.slice(event.oldVersion)) step(asked.result, transaction);
    };
    asked.onsuccess = () => {
      // a newer page in another tab may need the database for itself
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error("another tab holds an older version of the page"));
  });
}

/**
 * The result of work in one transaction, once it is written.
 * @template T
 * @param {IDBDatabase} database @param {"readonly" | "readwrite"} mode
 * @param {(stores: {chats: IDBObjectStore, messages: IDBObjectStore}) => IDBRequest<T> | void} work
 * @returns {Promise<T>}
 */
export function transact(database, mode, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(["chats", "messages"], mode);
    const asked = work({ chats: transaction.objectStore("chats"), messages: transaction.objectStore("messages") });
    transaction.oncomplete = () => resolve(/** @type {any} */ (asked?.result));
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}
