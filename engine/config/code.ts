/** Transforms in code: what no schema can see is seen when they are compiled. */
import type { TransformDefinition } from '../contracts/transform.ts';
import type { Loading } from './loading.ts';
import { placeOfError } from './problems.ts';
import type { Parts } from './routes.ts';
import { TRANSFORM_FOLDER } from './routes.ts';

/** Compiles every transform in code that an entry names; YAML has been checked before. What is thrown becomes a problem. */
export async function checkCode(loading: Loading, parts: Parts): Promise<void> {
  const named = new Set(
    Object.values(parts.shape.routes).flatMap((route) => route.to.map(({ transform }) => transform)),
  );
  const files = parts.files.filter(
    (file) => file.kind.folder === TRANSFORM_FOLDER && !file.yaml && named.has(file.name),
  );
  if (files.length === 0) return;
  const languages: readonly TransformDefinition[] = await loading.registry.all('transform');
  for (const { file, kind, name } of files) {
    try {
      await languages.find(({ resources }) => resources.includes(kind))?.compile(name, parts.resources);
    } catch (error) {
      const { line = 1, column = 1 } = placeOfError(error);
      loading.problems.add({ ...loading.issueOf(error, []), file, line, column, path: '', warning: false });
    }
  }
}
