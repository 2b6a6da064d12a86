import type { ContentDraft, FileDraft, RunPart, StepDraft } from "../run/draft.ts";

/** How a recording writes bytes. */
interface WrittenBytes {
  readonly $bytes: string;
}

/** A part as it was before it was written: only contents hold bytes, so nothing else is taken for them. */
export function withBytes(part: RunPart): RunPart {
  if ("step" in part) return { step: stepBytes(part.step) };
  if ("system" in part) return { system: contentBytes(part.system) };
  if ("input" in part) return { input: fileBytes(part.input) };
  if ("output" in part) return { output: fileBytes(part.output) };
  if (!("tool" in part) || part.tool.description === undefined) return part;
  return { tool: { ...part.tool, description: contentBytes(part.tool.description) } };
}

function stepBytes(step: StepDraft): StepDraft {
  const { request, result, reasoning, error } = step;
  return {
    ...step,
    request: request && contentBytes(request),
    result: result && contentBytes(result),
    reasoning: reasoning && contentBytes(reasoning),
    error: error?.message ? { ...error, message: contentBytes(error.message) } : error,
  };
}

function fileBytes(file: FileDraft): FileDraft {
  return file.content === undefined ? file : { ...file, content: contentBytes(file.content) };
}

function contentBytes(content: ContentDraft): ContentDraft {
  if ("parts" in content) return { parts: content.parts.map(contentBytes) };
  if (!("bytes" in content)) return content;
  const { $bytes } = content.bytes as unknown as WrittenBytes;
  return { ...content, bytes: Buffer.from($bytes, "base64") };
}
