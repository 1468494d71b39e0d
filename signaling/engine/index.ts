/** The door of the engine. */
export { Engine, EngineStartError, type EngineDeps, type EngineReady, type EngineStats } from './engine';
export { defaultLimits, type EngineLimits, type EngineOptions } from './options';
export type { Ladder, LadderMessage } from './observe/ladder';
export type { RememberedCall } from './observe/ladder-calls';
export { startEmbeddedEngine, type EmbeddedEngine } from './embedded';
export { createLog, silentLog, type Log, type LogLevel, type LogSink } from './log';
