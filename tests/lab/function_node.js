// SPDX-License-Identifier: MIT
//
// Runs functions of a Node-RED flow without Node-RED. Standard input: {flow: nodes, steps: [{node: id,
// msg, now}]}. Standard output: what each step returned, as one JSON array. Context lives as long as
// this program; the clock is what the step says.
'use strict';

const { flow, steps } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const store = (map) => ({ get: (key) => map.get(key), set: (key, value) => map.set(key, value) });
const shared = store(new Map());
const own = new Map();

const results = steps.map(({ node: id, msg, now }) => {
    const { func } = flow.find((node) => node.id === id);
    const warnings = [];
    Date.now = () => now;
    own.set(id, own.get(id) || store(new Map()));
    const run = new Function('msg', 'context', 'flow', 'node', func);
    const result = run(msg, own.get(id), shared, { warn: (text) => warnings.push(text) });
    return { result: result === undefined ? null : JSON.parse(JSON.stringify(result)), warnings };
});
process.stdout.write(JSON.stringify(results));
