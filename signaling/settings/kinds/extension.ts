/** What can be set for an extension besides what has columns of its own. */
import { z } from 'zod';
import type { ExtensionSettings } from '../../store/store';

export const extensionSettings = z.strictObject({
  callWaiting: z.boolean().optional().describe('Whether it rings while it talks'),
}) satisfies z.ZodType<ExtensionSettings>;
