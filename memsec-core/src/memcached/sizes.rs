//! `-I`, `-m` and the sizes of slabs: what of them stops a daemon.

use super::{
    Exit, Running,
    behaviour::{
        CHUNK_KILOBYTES, CHUNKS, FALLS_THROUGH, HALF_PAGES, ITEM_1G, ITEM_128M,
        ITEM_AT_END, ITEM_AT_ONCE, LAST_VALUE, SLABS_AT_ONCE, SMALL_CHUNKS,
    },
    number::{atoi, whole},
    settings::{Settings, failure, signal, usage},
};

pub(super) const MEGABYTE: i32 = 1024 * 1024;
const GIGABYTE: i32 = 1024 * MEGABYTE;
const PAGE: i32 = MEGABYTE;
/// MAX_NUMBER_OF_SLAB_CLASSES less one.
const CLASSES: usize = 63;
/// CHUNK_ALIGN_BYTES.
const ALIGN: i32 = 8;

/// The sizes that were said.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    item: Option<i32>,
    /// That of a chunk, and whether `slab_chunk_max` said it.
    chunk: Option<(i32, bool)>,
    /// The list of `-o slab_sizes`.
    slabs: Option<String>,
    /// The value of the last suboption.
    last: Option<String>,
}

impl Running {
    /// What `-I` says, in bytes.
    pub(crate) fn item_size(&self) -> Option<i32> {
        self.options.get(&'I').map(|word| size(&word.text))
    }
}

impl Settings<'_> {
    fn item(&self) -> i32 {
        self.sizes.item.unwrap_or(MEGABYTE)
    }

    fn chunk(&self) -> i32 {
        match self.sizes.chunk {
            Some((chunk, _)) => chunk,
            None if self.release.is(HALF_PAGES) => PAGE / 2,
            None => PAGE,
        }
    }

    /// The size of a chunk that another option than `slab_chunk_max` makes.
    fn set_chunk(&mut self, size: i32) {
        if !self.sizes.chunk.is_some_and(|(_, said)| said) {
            self.sizes.chunk = Some((size, false));
        }
    }

    /// `maxbytes`, divided. It is a size_t: a negative number is a great one.
    fn memory(&self, part: i64) -> i64 {
        let memory = i64::from(self.number('m').unwrap_or(64));
        if memory < 0 { i64::MAX } else { (memory << 20) / part }
    }

    /// Takes `-I`.
    pub(super) fn item_size(&mut self, text: &str) -> Result<(), Exit> {
        let item = size(text);
        self.sizes.item = Some(item);
        if !self.release.is(ITEM_AT_ONCE) {
            return Ok(());
        }
        let limit = match self.release.is(ITEM_128M) {
            true => i64::from(128 * MEGABYTE),
            false => self.memory(4),
        };
        let over = self.release.is(ITEM_1G) && item > GIGABYTE;
        if item < 1024 || i64::from(item) > limit || over {
            return Err(failure(format!("item size limit {text:?}")));
        }
        if item > MEGABYTE && self.release.is(CHUNKS) {
            self.set_chunk(self.small_chunk());
        }
        Ok(())
    }

    fn small_chunk(&self) -> i32 {
        if self.release.is(SMALL_CHUNKS) { 16384 } else { PAGE / 2 }
    }

    /// Takes a suboption that sets the sizes of slabs.
    pub(super) fn slabs(
        &mut self,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Exit> {
        self.sizes.last = value.map(str::to_owned);
        match name {
            "slab_chunk_max" => {
                let size = value.and_then(whole).unwrap_or(0);
                let kilobytes = self.release.is(CHUNK_KILOBYTES);
                let size = if kilobytes { size << 10 } else { size };
                self.sizes.chunk = Some((size, true));
            }
            "no_chunked_items" => {
                let said = self.sizes.chunk.is_some_and(|(_, said)| said);
                self.sizes.chunk = Some((PAGE, said));
            }
            "no_modern" => self.set_chunk(PAGE),
            "modern" if self.release.is(SMALL_CHUNKS) => {
                self.sizes.chunk = Some((16384, false));
            }
            "modern" if !self.release.is(HALF_PAGES) => {
                self.set_chunk(PAGE / 2);
            }
            "slab_sizes" => self.sizes.slabs = value.map(str::to_owned),
            "worker_logbuf_size" if self.release.is(FALLS_THROUGH) => {
                self.sizes.slabs = value.map(str::to_owned);
            }
            _ => return Ok(()),
        }
        match &self.sizes.slabs {
            Some(slabs) if self.release.is(SLABS_AT_ONCE) => {
                self.classes(slabs, self.item()).map_err(failure)
            }
            _ => Ok(()),
        }
    }

    /// The checks of all sizes, when all is read.
    pub(super) fn check_sizes(&mut self) -> Result<(), Exit> {
        let item = self.item();
        if self.release.is(ITEM_AT_END) {
            if !(1024..=GIGABYTE).contains(&item) {
                return Err(usage(format!("item size limit {item}")));
            }
            if i64::from(item) > self.memory(2) {
                return Err(usage("item size limit above half of the memory"));
            }
            if item > MEGABYTE {
                self.set_chunk(PAGE / 2);
            }
        }
        let chunk = self.chunk();
        if self.release.is(CHUNKS) {
            match chunk {
                0 => return Err(signal(8, "slab_chunk_max is 0")),
                _ if chunk > item || item % chunk != 0 || PAGE % chunk != 0 => {
                    return Err(usage(
                        "slab_chunk_max does not divide -I and the page size",
                    ));
                }
                _ => {}
            }
        }
        self.check_slabs(chunk)
    }

    fn check_slabs(&self, chunk: i32) -> Result<(), Exit> {
        let Some(said) = &self.sizes.slabs else { return Ok(()) };
        if self.release.is(SLABS_AT_ONCE) {
            return Ok(());
        }
        let slabs = match self.release.is(LAST_VALUE) {
            true => self.sizes.last.as_ref(),
            false => Some(said),
        };
        match slabs {
            Some(slabs) => self.classes(slabs, chunk).map_err(usage),
            None => Err(signal(11, "slab_sizes and a last suboption")),
        }
    }

    /// `_parse_slab_sizes`: sizes that rise, with dashes between them.
    fn classes(&self, text: &str, most: i32) -> Result<(), String> {
        let least = self.number('n').unwrap_or(48);
        let wrong = || format!("slab sizes {text:?}");
        let mut last: i32 = 0;
        let mut count = 0;
        for part in text.split('-').filter(|part| !part.is_empty()) {
            let size = whole(part).filter(|s| (least..=most).contains(s));
            let size = size.filter(|&size| size > last.saturating_add(ALIGN));
            last = size.ok_or_else(wrong)?;
            count += 1;
        }
        let good = !text.is_empty() && count < CLASSES;
        if good { Ok(()) } else { Err(wrong()) }
    }
}

/// The value of `-I`: a number of bytes, of kilobytes or of megabytes.
pub(super) fn size(text: &str) -> i32 {
    let unit = match text.bytes().last() {
        Some(b'k' | b'K') => 1024,
        Some(b'm' | b'M') => MEGABYTE,
        _ => 1,
    };
    atoi(text).wrapping_mul(unit)
}
