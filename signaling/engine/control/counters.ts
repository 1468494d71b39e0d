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
] as const;

export type ControlCounter = (typeof controlCounters)[number];
