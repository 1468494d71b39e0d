/** The screen, for whoever runs it. */
export type { UserCommand } from './commands';
export { KeyReader } from './key-reader';
export { keyPressed } from './keys';
export { newPrompt, type Key } from './outcome';
export { cursorOf, render, type RenderOptions } from './render';
export { Terminal, type TerminalOptions } from './terminal';
