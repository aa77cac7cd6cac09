#!/usr/bin/env node
import { keepNewSpaceSmall } from '../base/heap.ts';

keepNewSpaceSmall();
// Only now: what is loaded fills the new space as well.
const { run } = await import('../cli/program.ts');
process.exit(await run(process.argv.slice(2), process.env));
