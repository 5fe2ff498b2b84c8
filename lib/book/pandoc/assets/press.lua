-- The whole book in one process: Markdown chapters in, numbered and linked HTML or Typst out.
-- Run as `pandoc lua press.lua`; a job (JSON, see press.py) on standard input, the result on output.
package.path = pandoc.path.directory(arg[0]) .. '/?.lua;' .. package.path

local job = pandoc.json.decode(io.read('a'), false)
local book = {  -- what every pass shares
  target = job.target, faults = {}, labels = {}, references = {}, cited = {},
  ids = {},     -- ids[file][id]: what a page holds
  sources = {},  -- sources[file]: what it was made from
  here = '', depth = job.number_depth, numbered = job.number_sections,
}
function book.fault(label, message)
  table.insert(book.faults, {file = book.here, label = label, message = message})
end
local numbers = require 'numbers'
local shapes = require 'shapes'
local links = require 'links'

-- Text to blocks: conditional content, numbers, references, then what each format wants to see.
local chapters = pandoc.List{}
for i, chapter in ipairs(job.chapters) do
  book.here, book.ids[chapter.file] = chapter.file, {}
  book.sources[chapter.file] = chapter.source
  local doc = pandoc.read(chapter.text, 'markdown', {columns = 100000})  -- no widths from long lines
  local blocks = doc.blocks:walk(shapes.conditional(book))
  blocks = numbers.number(book, chapter, blocks)
  chapters:insert{job = chapter, index = i, blocks = blocks}
end
for _, chapter in ipairs(chapters) do
  book.here = chapter.job.file
  chapter.blocks = chapter.blocks:walk(numbers.references(book)):walk(shapes.filter(book))
end

-- Citations, for the whole book at once.
local function strings(list)
  return pandoc.MetaList(pandoc.List(list):map(function(s) return pandoc.MetaString(s) end))
end
local meta = {['link-citations'] = true, lang = job.lang}
if #job.bibliography > 0 then meta.bibliography = strings(job.bibliography) end
if job.csl then meta.csl = job.csl end
local whole = pandoc.Pandoc(chapters:map(function(chapter)
  return pandoc.Div(chapter.blocks, pandoc.Attr('', {'chapter'}))
end), meta)
local found = #job.bibliography > 0 and pandoc.utils.references(whole) or pandoc.List{}
local known = {}
for _, reference in ipairs(found) do known[reference.id] = true end
for _, cite in ipairs(book.cited) do
  if not known[cite.id] then
    book.here = cite.file
    book.fault('@' .. cite.id, 'is cited but in no bibliography')
  end
end
if #job.bibliography > 0 and #book.cited > 0 and #book.faults == 0 then
  local cited = pandoc.utils.citeproc(whole)
  for i, chapter in ipairs(chapters) do chapter.cited = cited.blocks[i].content end
  if #cited.blocks > #chapters then
    book.here = '_quarto.yml'
    book.fault('', 'no chapter holds the references; add one with ::: {#refs} and :::')
  end
end
for _, chapter in ipairs(chapters) do
  chapter.cited = chapter.cited or chapter.blocks
  links.collect(book, chapter)
end

-- Blocks to text.
local results = {}
if job.target == 'html' then
  for i, chapter in ipairs(chapters) do results[i] = links.page(book, job, chapter) end
elseif #book.faults == 0 then
  local sources = {['link-citations'] = true, lang = job.lang, csl = meta.csl, references = found}
  for i, chapter in ipairs(chapters) do
    results[i] = links.print(book, job, chapter)
    if chapter.job.single then
      results[i].single = links.single(book, job, chapter, sources)
    end
  end
end
local names = pandoc.List{}
for id in pairs(book.labels) do names:insert(id) end
io.write(pandoc.json.encode{faults = book.faults, labels = names, chapters = results})
