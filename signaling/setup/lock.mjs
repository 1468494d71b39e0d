/**
 * One set-up at a time in a checkout, also between containers that share it: the lock is a file that its holder touches every second, so
 * a holder that died is noticed by the file's age. (Process numbers would lie between containers, and after a restart.)
 */
import { closeSync, openSync, statSync, unlinkSync, utimesSync, writeSync } from 'node:fs';

const TOUCH_MS = 1000;
const POLL_MS = 200;

/** Runs `work` while holding the lock file `path`, whose folder exists. A file not touched for `staleMs` is nobody's. */
export async function withLock(path, { say, staleMs = 10_000 }, work) {
  let told = false;
  while (!acquire(path, staleMs)) {
    if (!told) say('Waiting for another npm start or npm test in this folder to finish setting up …');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const touching = setInterval(() => touch(path), TOUCH_MS);
  const release = () => remove(path);
  const interrupted = (signal) => {
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('exit', release);
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    process.off('exit', release);
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    release();
  }
}

function acquire(path, staleMs) {
  if (create(path)) return true;
  if (isStale(path, staleMs)) removeStale(path, staleMs);
  return false;
}

/** Only one waiter may remove a stale lock: a second one, late, would remove the new holder's. */
function removeStale(path, staleMs) {
  const right = `${path}.remove`;
  if (!create(right)) {
    if (isStale(right, staleMs)) remove(right);
    return;
  }
  if (isStale(path, staleMs)) remove(path);
  remove(right);
}

function create(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, `${process.pid}\n`);
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path, staleMs) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Somebody removed it; the work goes on, and its end finds nothing to remove.
  }
}

function remove(path) {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, which is what was wanted.
  }
}
