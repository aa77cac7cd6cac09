import { describe, expect, it, onTestFinished } from 'vitest';
import { askAdmin } from '../../../src/admin/client.ts';
import type { Answer } from '../../../src/admin/exchange.ts';
import { json, line } from '../../../src/admin/exchange.ts';
import { HttpListener } from '../../../src/admin/http-listener.ts';
import type { Address } from '../../../src/base/address.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ADMIN_ANSWER_BYTES, ADMIN_ANSWER_MS } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { freePorts } from '../../support/ports.ts';

checkLeaks();

/** A daemon that answers so. */
async function daemon(answer: Answer | Promise<Answer>): Promise<Address> {
  const listener = new HttpListener({
    address: { host: '127.0.0.1', port: 0 },
    flag: '--admin-addr',
    answer: () => answer,
    clock: systemClock,
    log: silentLog,
  });
  const { port } = await listener.listen();
  onTestFinished(() => listener.close());
  return { host: '127.0.0.1', port };
}

const ask = (address: Address, clock = systemClock) =>
  askAdmin(address, { method: 'GET', path: '/status' }, clock);

describe('askAdmin', () => {
  it('gives the object that is answered', async () => {
    expect(await ask(await daemon(json(202, { a: 1 })))).toEqual({ a: 1 });
  });

  it('says what to look at where nobody listens', async () => {
    const [port = 0] = await freePorts(1);
    await expect(ask({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'unreachable',
      message: `no daemon answers at 127.0.0.1:${port}: nobody listens there; is it running, and is this its --admin-addr?`,
    });
  });

  it('passes a refusal on', async () => {
    await expect(ask(await daemon(line(404, 'not for you')))).rejects.toMatchObject({
      code: 'notAllowed',
      message: expect.stringContaining('404: not for you'),
    });
  });

  it.each([
    ['something else', line(200, 'hello')],
    ['a list', json(200, [])],
    ['nothing', json(200, null)],
    ['no end', { status: 200, body: `"${'x'.repeat(ADMIN_ANSWER_BYTES)}"` }],
  ])('takes %s for no daemon of ours', async (_name, answer) => {
    await expect(ask(await daemon(answer))).rejects.toMatchObject({ code: 'malformed' });
  });

  it('does not wait for ever', async () => {
    const clock = new ManualClock();
    const never = Promise.withResolvers<Answer>();
    onTestFinished(() => never.resolve(line(200, '')));
    const asked = ask(await daemon(never.promise), clock);
    clock.advance(ADMIN_ANSWER_MS);
    await expect(asked).rejects.toMatchObject({ code: 'timeout' });
  });
});
