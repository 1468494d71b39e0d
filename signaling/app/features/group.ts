/** Ring groups whose callers hear music until somebody answers: they are answered here. Of the others only phones ring, and nothing is here. */
import type { Feature } from '../feature';
import { refuse } from '../reasons';

export interface GroupMusicDeps {
  /** What callers of this group hear, and where they go when nobody answers; undefined: no group, or none with music. */
  find(number: string): { music: string; otherwise: string | null } | undefined;
  /** The files of a setting for music; empty: silence. */
  music(path: string): Promise<readonly string[]>;
}

export const group = ({ find, music }: GroupMusicDeps): Feature => ({
  name: 'group',
  numbers: [{ pattern: 'a ring group with music', meaning: 'music is heard until a member answers', matches: (number) => (find(number) ? { group: number } : undefined) }],
  async answer(call, { group: number = '' }) {
    const settings = find(number);
    // removed in this very moment
    if (!settings) return call.hangup(refuse('unknown-number', number));
    await call.answer();
    const files = await music(settings.music);
    if (files.length > 0) void call.play(files.map((file) => ({ file })), { loop: true });
    const cause = await call.transferTo({ group: number }, { hears: 'the same' });
    if (settings.otherwise !== null) await call.transferTo(settings.otherwise, { asDialled: true });
    call.hangup(refuse(cause, number));
  },
});
