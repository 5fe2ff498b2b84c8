-- Links between pages, and the last step from blocks to text.
local shapes = require 'shapes'
local M = {}
local html_options = {html_math_method = 'mathml', wrap_text = 'none', email_obfuscation = 'none'}
local typst_options = {wrap_text = 'none'}

local function html(blocks) return pandoc.write(pandoc.Pandoc(blocks), 'html5', html_options) end
local function typst(blocks) return pandoc.write(pandoc.Pandoc(blocks), 'typst-citations', typst_options) end

-- Inlines of a title without what may not stand inside a link.
local function plain_title(inlines)
  return inlines:walk{Link = function(l) return l.content end, Note = function() return {} end,
    Cite = function(c) return c.content end}
end

local function collect_refs(book, file, div)
  local id = div.identifier
  if id:match('^ref%-') then
    local text = pandoc.utils.stringify(div.content):gsub('%s+', ' ')
    book.references[id] = {file = file, text = text}
  end
end

-- What each page holds: ids, references, its first heading.
function M.collect(book, chapter)
  local file = chapter.job.file
  local ids = book.ids[file]
  local function note(element)
    if element.identifier and element.identifier ~= '' then ids[element.identifier] = true end
  end
  chapter.cited:walk{
    Div = function(div) note(div); collect_refs(book, file, div) end,
    Span = note,
    Header = function(header)
      note(header)
      if header.level == 1 and not chapter.title then
        chapter.title, chapter.number = plain_title(header.content), header.attributes.number
        chapter.top = header.identifier
      end
    end}
  for id, label in pairs(book.labels) do if label.file == file then ids[id] = true end end
  book.pages = book.pages or {}
  book.pages[chapter.job.source] = chapter
end

local function relative(from, to)
  local folder = from:match('^(.*/)') or ''
  if to:sub(1, #folder) == folder then return to:sub(#folder + 1) end
  return ('../'):rep(select(2, from:gsub('/', ''))) .. to
end

-- `path`, as written in `file`, from the project's root: `..` and `.` are worked out.
local function from_root(file, path)
  local parts = pandoc.List{}
  for part in ((file:match('^(.*/)') or '') .. path):gmatch('[^/]+') do
    if part == '..' and #parts > 0 then parts:remove() elseif part ~= '.' then parts:insert(part) end
  end
  return table.concat(parts, '/')
end

-- The chapter that a link's path leads to, seen from `file`, and the id behind #.
local function destination(book, file, target)
  local path, id = target:match('^([^#?]*)#?(.*)$')
  if path == '' or path:match('^%a[%w+.-]*:') or path:match('^//') then return nil end
  local full = from_root(file, path)
  local found = book.pages[full]
  if not found then   -- links may name the web page, too
    for _, page in pairs(book.pages) do if page.job.file == full then found = page end end
  end
  return found, id
end

local function where(book, id)
  return (book.labels[id] or {}).file or (book.references[id] or {}).file
end

-- HTML ---------------------------------------------------------------------------------------
local function first_paragraph(blocks)
  for _, block in ipairs(blocks) do
    if block.t == 'Para' then
      local text = pandoc.utils.stringify(block:walk{Note = function() return {} end,
        Math = function() return pandoc.Str('…') end})
      if #text > 25 then return text end
    end
  end
  return ''
end

function M.page(book, job, chapter)
  local file, headings = chapter.job.file, {}
  local function link(a)
    local id = a.target:match('^#(.+)')
    if id then
      local place = not book.ids[file][id] and where(book, id)
      local reference = book.references[id]
      if reference then a.title = reference.text; a.classes:insert('citation') end
      if place and place ~= file then a.target = relative(file, place) .. '#' .. id end
      return a
    end
    local page, anchor = destination(book, file, a.target)
    if page then
      a.target = relative(file, page.job.file) .. (anchor ~= '' and '#' .. anchor or '')
    end
    return a
  end
  local function heading(header)
    local number = header.attributes.number
    header.attributes.number = nil
    local title = plain_title(header.content)
    if number then
      header.content:insert(1, pandoc.Span({pandoc.Str(number)}, pandoc.Attr('', {'heading-number'})))
      header.content:insert(2, pandoc.Space())
    end
    if header.level > 1 and header.identifier ~= '' then
      table.insert(headings, {level = header.level, id = header.identifier, number = number or '',
        title = html{pandoc.Plain(title)}})
      header.content:insert(pandoc.RawInline('html', '<a class="anchor" href="#'
        .. shapes.escape(header.identifier) .. '" aria-label="Link to this section" data-pagefind-ignore></a>'))
    end
    return header
  end
  local blocks = chapter.cited:walk{Link = link}:walk{Header = heading}
  local title = chapter.title or pandoc.Inlines{}
  return {body = html(blocks), headings = pandoc.List(headings), number = chapter.number or '',
    title = html{pandoc.Plain(title)}, plain = pandoc.utils.stringify(title),
    description = first_paragraph(blocks), cites = chapter.cited:find_if(function(b)
      return b.t == 'Div' and b.identifier == 'refs' end) ~= nil}
end

-- Typst --------------------------------------------------------------------------------------
-- Labels of authors are unique in the book; every other id gets its chapter before it.
local function rename(book, chapter, id)
  if book.labels[id] or book.references[id] then return id end
  return 'c' .. chapter.index .. '-' .. id
end

-- A width or height as Typst writes it; a bare number is pixels, 96 to the inch.
local function length(name, image)
  local number, unit = (image.attributes[name] or ''):match('^([%d.]+)%s*(%S*)$')
  if not number then return '' end
  if unit == '' or unit == 'px' then number, unit = tonumber(number) * 0.75, 'pt' end
  return ', ' .. name .. ': ' .. number .. unit
end

local function finish(book, job, chapter, blocks, single)
  local images = pandoc.List{}
  local function resolve(a)
    local id = a.target:match('^#(.+)')
    local page, anchor = chapter, id
    if not id then
      if a.target:match('^%a[%w+.-]*:') then return a end
      page, anchor = destination(book, chapter.job.file, a.target)
      if page and anchor == '' then anchor = page.top end
    elseif not book.ids[chapter.job.file][id] then
      local place = where(book, id)
      page = nil
      for _, other in pairs(book.pages) do if other.job.file == place then page = other end end
    end
    local inside = not single or page == chapter or (single and id and book.references[id])
    if page and anchor and inside and (book.ids[page.job.file][anchor] or book.references[anchor]) then
      a.target = '#' .. rename(book, page, anchor)
      return a
    elseif job.site_url and not id then
      a.target = job.site_url .. (page and page.job.file or
        from_root(chapter.job.file, a.target))
      return a
    elseif job.site_url and page then
      a.target = job.site_url .. page.job.file .. '#' .. id
      return a
    end
    return a.content
  end
  local function named(element)
    if element.identifier ~= '' then element.identifier = rename(book, chapter, element.identifier) end
    return element
  end
  blocks = blocks:walk{
    Link = resolve,
    Cite = function(cite) return cite.content end,
    Image = function(image)
      local path = from_root(chapter.job.file, image.src)
      images:insert{path = path, src = image.src}
      return pandoc.RawInline('typst', '#box(image(' .. shapes.literal('/' .. path) .. ', alt: '
        .. shapes.literal(pandoc.utils.stringify(image.caption)) .. length('width', image)
        .. length('height', image) .. '))')
    end,
  }:walk{
    Span = named,
    Div = function(div)
      div = named(div)
      if div.classes:includes('csl-entry') then
        local out = pandoc.Blocks{pandoc.RawBlock('typst', '#entry[')}
        out:extend(div.content)
        out:insert(pandoc.RawBlock('typst', ']<' .. div.identifier .. '>'))
        return out
      elseif div.identifier:match('refs$') and not div.identifier:match('^ref%-') then
        return div.content
      end
      return div
    end,
    Header = function(header)
      local number = header.attributes.number
      local numbering = number and '(..) => ' .. shapes.literal(number) or 'none'
      local what = header.level == 1 and (chapter.job.kind == 'appendix' and 'Appendix' or 'Chapter')
      local out = pandoc.Inlines{pandoc.RawInline('typst', '#heading(level: ' .. header.level
        .. ', numbering: ' .. numbering .. (what and ', supplement: [' .. what .. ']' or '') .. ')[')}
      out:extend(header.content)
      out:insert(pandoc.RawInline('typst', ']' .. (header.identifier ~= '' and
        '<' .. rename(book, chapter, header.identifier) .. '>' or '')))
      return pandoc.Plain(out)
    end,
  }
  return typst(blocks), images
end

function M.print(book, job, chapter)
  local body, images = finish(book, job, chapter, chapter.cited, false)
  return {body = body, images = images, number = chapter.number or '',
    plain = pandoc.utils.stringify(chapter.title or {})}
end

-- A chapter by itself: its own references at the end, no links into other chapters.
function M.single(book, job, chapter, sources)
  local blocks = chapter.blocks:clone()
  blocks:insert(pandoc.Div({}, pandoc.Attr('refs')))
  local cited = pandoc.utils.citeproc(pandoc.Pandoc(blocks, sources)).blocks
  local last = cited[#cited]
  if #last.content > 0 then
    cited:insert(#cited, pandoc.Header(2, 'References', pandoc.Attr('references-of-chapter')))
  else cited:remove(#cited) end
  return (finish(book, job, chapter, cited, true))
end

return M
