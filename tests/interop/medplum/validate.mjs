// For every line on stdin, a JSON list of resources, writes what Medplum's validator has against each of
// them: a list of texts, none for a valid one.
import './definitions.mjs';
import { createInterface } from 'node:readline';
import { validateResource } from '@medplum/core';

function faults(resource) {
  try {
    return validateResource(resource).map((issue) => `${issue.details?.text} (${issue.expression})`);
  } catch (error) {
    return error.outcome?.issue.map((issue) => `${issue.details?.text} (${issue.expression})`) ?? [`${error}`];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(JSON.parse(line).map(faults)));
}
