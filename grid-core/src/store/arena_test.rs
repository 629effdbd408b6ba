use proptest::prelude::*;

use super::*;

#[test]
fn classes_hold_what_they_are_chosen_for_and_waste_little() {
    for len in 0..=SLOT_BYTES_MAX {
        let class = class_of(len).unwrap();
        assert!(slot_bytes(class) >= len);
        assert!(
            class == 0 || slot_bytes(class - 1) < len,
            "{len} fits a smaller class"
        );
        assert!(
            len <= 64 || (slot_bytes(class) - len) * 8 <= len,
            "more than an eighth wasted at {len}"
        );
    }
    assert_eq!(class_of(SLOT_BYTES_MAX), Some(CLASSES - 1));
    assert_eq!(class_of(SLOT_BYTES_MAX + 1), None);
}

#[test]
fn a_partition_with_few_entries_reserves_little() {
    let mut arena = Arena::default();
    assert_eq!(arena.reserved_bytes() + arena.directory_bytes(), 0);
    arena.allocate(128).unwrap();
    assert_eq!(arena.reserved_bytes(), 4 * 128);
}

#[test]
fn emptied_chunks_give_their_bytes_back_and_are_used_again() {
    let mut arena = Arena::default();
    let mut handles: Vec<_> = (0..10_000).map(|_| arena.allocate(100).unwrap()).collect();
    let full = arena.reserved_bytes();
    // Places next to each other lie in the same chunk.
    handles.sort_unstable();
    let second = handles.split_off(5_000);
    for handle in second {
        arena.free(handle);
    }
    assert!(arena.reserved_bytes() <= full / 2 + 2 * CHUNK_BYTES);
    let chunks = arena.classes.last().unwrap().chunks.len();
    handles.extend((0..5_000).map(|_| arena.allocate(100).unwrap()));
    assert!(arena.classes.last().unwrap().chunks.len() <= chunks + 1);
    assert!(arena.reserved_bytes() <= full + 2 * CHUNK_BYTES);
    for handle in handles {
        arena.free(handle);
    }
    assert_eq!(
        (
            arena.used_bytes(),
            arena.reserved_bytes(),
            arena.directory_bytes()
        ),
        (0, 0, 0)
    );
}

#[test]
fn slots_freed_here_and_there_are_filled_before_new_chunks_are_made() {
    let mut arena = Arena::default();
    let handles: Vec<_> = (0..4_096).map(|_| arena.allocate(200).unwrap()).collect();
    let full = arena.reserved_bytes();
    for handle in handles.iter().step_by(2) {
        arena.free(*handle);
    }
    for _ in 0..2_048 {
        arena.allocate(200).unwrap();
    }
    assert_eq!(arena.reserved_bytes(), full);
}

proptest! {
    #[test]
    fn blobs_keep_their_bytes(steps in prop::collection::vec((any::<bool>(), 9usize..12_000, any::<u8>()), 1..300)) {
        let mut arena = Arena::default();
        let mut model: Vec<(Handle, usize, u8)> = Vec::new();
        for (add, number, fill) in steps {
            if add || model.is_empty() {
                let handle = if let Some(handle) = arena.allocate(number) {
                    arena.slot_mut(handle)[..number].fill(fill);
                    handle
                } else {
                    arena.adopt(vec![fill; 9].into(), vec![fill; number - 9].into()).unwrap()
                };
                model.push((handle, number, fill));
            } else {
                let (handle, ..) = model.swap_remove(number % model.len());
                arena.free(handle);
            }
            let used: usize = model.iter().map(|(_, len, _)| class_of(*len).map_or(*len, slot_bytes)).sum();
            prop_assert_eq!(arena.used_bytes(), used);
            prop_assert!(arena.reserved_bytes() >= used);
        }
        for (handle, len, fill) in model {
            let blob = arena.blob(handle);
            let tail = blob.tail.map_or(0, |tail| tail.len());
            prop_assert!(blob.head[..len - tail].iter().all(|byte| *byte == fill));
            prop_assert!(blob.tail.is_none_or(|tail| tail.iter().all(|byte| *byte == fill)));
            arena.free(handle);
        }
        prop_assert_eq!((arena.reserved_bytes(), arena.directory_bytes()), (0, 0));
    }
}
