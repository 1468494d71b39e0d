/** What the conferences use of the rest. */
import type { MediaPlane } from '../../../../media/plane';
import type { Clock } from '../../../clock';
import type { Logger } from '../../../log';
import type { Room as RoomSettings } from '../../../store/store';

export type { RoomSettings };

/** Files for the names that members say, which are gone when they are. */
export interface NameFiles {
  /** A file that is not there yet. */
  next(): Promise<string>;
  remove(file: string): Promise<void>;
  /** Those that a process before this one left behind. */
  clear(): Promise<void>;
}

/** The settings `partyline.…`, where its port is not 0. */
export interface SimpleSettings {
  address: string;
  port: number;
  allow: readonly string[];
  maxClients: number;
  maxPerRoom: number;
  maxPerSource: number;
  maxPacketsPerSecond: number;
  idleSeconds: number;
}

export interface ConferenceDeps {
  rooms: { list(): Promise<RoomSettings[]> };
  plane: Pick<MediaPlane, 'play' | 'on' | 'openSimple' | 'closeSimple' | 'setSimple' | 'simpleStats'>;
  clock: Clock;
  log: Logger;
  /** Prompts that say a whole number; a number digit by digit. */
  sayNumber: (n: number) => readonly string[];
  sayDigits: (number: string) => readonly string[];
  /** The file of a prompt. */
  prompt: (key: string) => string | undefined;
  /** What those who wait hear; empty: silence. */
  music: () => Promise<readonly string[]>;
  names: NameFiles;
  /** undefined: the simple packet format is off. */
  simple: SimpleSettings | undefined;
}

/** Things that went wrong and ended nothing. */
export interface ConferenceCounters {
  /** Callers without the right PIN; those turned away by a lock or a full room; clients of the simple format likewise. */
  wrongPins: number;
  refused: number;
  simpleRefused: number;
  /** Settings of a member that the media plane did not take. */
  mediaErrors: number;
  /** Tones and names that were not played, since too many came and went at once; or that failed. */
  announcementsDropped: number;
  announcementsFailed: number;
  namesFailed: number;
}

export const noCounts = (): ConferenceCounters => ({ wrongPins: 0, refused: 0, simpleRefused: 0, mediaErrors: 0, announcementsDropped: 0, announcementsFailed: 0, namesFailed: 0 });
