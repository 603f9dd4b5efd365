import { parsePolicy, type PolicyError } from '../../policy-engine/parse.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import { toolLints, type KnownTool } from '../../policy-engine/lints/tool-lints.js';
import { Problem } from '../../platform/runtime/problems.js';

const MAX_BYTES = 256 * 1024;

/**
 * What came of checking a document. Pointers go into the document.
 */
export type CheckedDocument =
  | Readonly<{ valid: true; document: PolicyDocument; errors: readonly []; warnings: readonly PolicyError[] }>
  | Readonly<{ valid: false; errors: readonly PolicyError[]; warnings: readonly [] }>;

const requireSmall = (document: unknown): void => {
  // Nested too deep for JSON.stringify is too large as well.
  const bytes = ((): number => {
    try {
      return Buffer.byteLength(JSON.stringify(document) ?? '');
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  })();
  if (bytes > MAX_BYTES)
    throw new Problem(
      'too_large',
      `Send a policy document of at most ${MAX_BYTES / 1024} KiB of JSON, without deep nesting.`,
    );
};

/**
 * Checks a document; `tools` are those of its server, when they are known. @throws Problem `too_large` over 256 KiB of
 * JSON.
 */
export const checkDocument = (sent: unknown, tools: readonly KnownTool[] = []): CheckedDocument => {
  requireSmall(sent);
  const parsed = parsePolicy(sent);
  if (!parsed.ok) return { valid: false, errors: parsed.errors, warnings: [] };
  const warnings = [...parsed.warnings, ...(tools.length === 0 ? [] : toolLints(parsed.document, tools))];
  return { valid: true, document: parsed.document, errors: [], warnings };
};

/**
 * The document, if it is valid. @throws Problem `unsupported_key` when that is all that is wrong with it, else
 * `policy_invalid`; with every error at once.
 */
export const requireValidDocument = (sent: unknown): PolicyDocument => requireValid(checkDocument(sent));

/** The document that was checked, if it is valid. @throws as acceptDocument */
export const requireValid = (checked: CheckedDocument): PolicyDocument => {
  if (checked.valid) return checked.document;
  const { errors } = checked;
  if (errors.every(({ code }) => code === 'unsupported_key'))
    throw new Problem(
      'unsupported_key',
      'Remove what errors[] names: a key that is not enforced would protect nothing.',
      { errors },
    );
  throw new Problem('policy_invalid', 'Correct what errors[] names and send the document again.', { errors });
};
