/**
 * The whole study as one script: read it from top to bottom, change a setting, run it again.
 *
 *     npx tsx --conditions=@vlm/source examples/full-study/main.ts [preset] [store]
 *
 * Only what a changed setting touches is trained again; everything else is found in the store.
 */
import {
  childProcessRunner,
  estimateSeconds,
  executeStudy,
  expandStudy,
  loadRecipe,
  openStore,
  parseRecipe,
  readResults,
} from '@vlm/study';

const [preset = 'smoke', folder = '.staged-vlm'] = process.argv.slice(2);

// 1 · A recipe is plain data. Start from a preset and change what you want to know about.
const base = await loadRecipe(preset);
const recipe = parseRecipe({
  ...base,
  description: 'The preset, with images entering at the very end as well.',
  arms: [...base.arms, { id: 'branch-100', branchPoint: 1, schedule: 'rewarm' }].filter(
    (arm, i, all) => all.findIndex((other) => other.id === arm.id) === i,
  ),
});

// 2 · It expands into phases. Arms that share the main run share its phases.
const study = expandStudy(recipe);
for (const phase of study.phases) console.log(`${phase.hash}  ${phase.id}`);

// 3 · Run what is not yet in the store; stop and start as you like.
const store = await openStore(folder);
await executeStudy(study, {
  store,
  runner: childProcessRunner(store),
  concurrency: 2,
  estimate: (phase) => estimateSeconds(study, phase),
  runsAlone: (phase) => phase.kind === 'corpus',
  onEvent: (event) => {
    if (event.type === 'phase-finished')
      console.log(`done     ${event.phase.id} in ${event.record.seconds.toFixed(1)} s`);
    if (event.type === 'phase-warning') console.log(`warning  ${event.phase.id}: ${event.message}`);
  },
});

// 4 · Results are plain data too; report.html beside them is the same numbers for people.
const results = await readResults(study, store);
for (const model of results.models) {
  const row = model.scores.find(
    (score) =>
      score.task === 'open-vqa' && score.condition === 'image' && score.type === 'all' && score.split === 'new-scene',
  );
  if (row)
    console.log(
      `${model.label}: open questions ${(100 * row.value).toFixed(1)} % [${(100 * row.low).toFixed(1)}, ${(100 * row.high).toFixed(1)}]`,
    );
}
