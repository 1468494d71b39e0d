/** What is counted on the control port. */
export const controlCounters = [
  'accepted',
  'refusedConnections',
  'handshakeFailures',
  'frames',
  'malformed',
  'wrongSecret',
  'unauthenticated',
  'greetingTimeouts',
  'unknownVerbs',
  /** Requests about which a handler was asked; that it gave no usable answer to; whose application could not be reached. */
  'asked',
  'unanswered',
  'unreachedApplications',
  'failedCommands',
  /** Applications that did not read until too much waited for them; that fell behind (see backlog.ts). */
  'slowReaders',
  'fellBehind',
  /** Frames that waited for the application to read what they follow from. */
  'heldFrames',
  /** Of the TLS port. */
  'certificateReloads',
  'certificateReloadsFailed',
] as const;

export type ControlCounter = (typeof controlCounters)[number];
