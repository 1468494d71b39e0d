/** The phone, loaded when it is to run: a server needs nothing of it. */
import type { PhoneRequest } from '../../client/cli/run';

export interface PhoneModule {
  /** Runs the phone on this process's terminal or pipes; resolves with the exit code. */
  runHere(request: PhoneRequest, io: { out(text: string): void; err(text: string): void }): Promise<number>;
}

export const loadPhone = async (): Promise<PhoneModule> => require('../../client/cli/here') as PhoneModule;
