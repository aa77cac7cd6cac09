/** Writes chart/dashboards/beacon-fleet.json from scripts/dashboard/fleet.ts: `npm run dashboard`. A test compares the two. */
import { writeFileSync } from 'node:fs';
import { DASHBOARD_FILE, dashboardJson } from './dashboard/dashboard.ts';

writeFileSync(DASHBOARD_FILE, dashboardJson());
