#!/usr/bin/env node
import { run } from '../cli/program.ts';

process.exit(await run(process.argv.slice(2), process.env));
