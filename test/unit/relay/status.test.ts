import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../src/relay/status.ts';
import { startRelay } from '../../support/relay.ts';

describe('the status of a relay', () => {
  it('names its zone, or says that it is unknown', async () => {
    const { relay } = await startRelay();
    expect(statusOf({ nodeName: 'relay-0', zone: 'eu-1a' }, relay)).toMatchObject({ zone: 'eu-1a' });
    expect(statusOf({ nodeName: 'relay-0', zone: '' }, relay)).toMatchObject({ zone: 'unknown' });
  });
});
