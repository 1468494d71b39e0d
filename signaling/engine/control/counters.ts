/** What is counted on the control port. */
export const controlCounters = [
  'accepted',
  'refusedConnections',
  'frames',
  'malformed',
  'wrongSecret',
  'unauthenticated',
  'greetingTimeouts',
  'unknownVerbs',
  'failedCommands',
  'slowReaders',
  /** Frames that waited for the application to read what they follow from. */
  'heldFrames',
] as const;

export type ControlCounter = (typeof controlCounters)[number];
