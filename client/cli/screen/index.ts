/** The screen, for whoever runs it. */
export type { UserCommand } from './commands';
export { KeyReader, keyPressed, newPrompt, type Key } from './keys';
export { cursorOf, render, type RenderOptions } from './render';
export { Terminal, type TerminalOptions } from './terminal';
